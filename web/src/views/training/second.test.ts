import { expect, it } from 'vitest';
import { rateCurve } from './series';
import { secondCurves, withSecond } from './second';

const none = { steps: [], epochs: [], loss: [], error: [] };
const test = { steps: [0, 100, 200], epochs: [0, 0.5, 1], loss: [2.3, null, 1], error: [0.9, 0.5, 0.3] };
const points = [
  { step: 0, images_seen: 0 },
  { step: 200, images_seen: 50_000 },
];

it('lies along its own epochs and images', () => {
  expect(secondCurves({ test, train: none }, points, 'epoch').loss).toEqual([
    { x: 0, y: 2.3 },
    { x: 1, y: 1 },
  ]);
  expect(secondCurves({ test, train: none }, points, 'images').error.map(({ x }) => x)).toEqual([
    0, 25_000, 50_000,
  ]);
  expect(secondCurves({ test, train: none }, points, 'step').end).toBe(200);
});

it('takes the training curve of a run that was never tested', () => {
  expect(secondCurves({ test: none, train: test }, points, 'step').error).toHaveLength(3);
});

it('makes room for a greater loss, but not for one that diverges', () => {
  const metrics = {
    train: { step: [0, 1], rate: [1, 1] },
  } as unknown as Parameters<typeof rateCurve>[0];
  const curve = { ...rateCurve(metrics, 'step', { steps_per_epoch: 1, batch: 1, train_images: 1 }), high: 2 };
  expect(withSecond(curve, [{ x: 0, y: 2.2 }], true).high).toBe(2.5);
  expect(withSecond(curve, [{ x: 0, y: 900 }], true).high).toBe(2);
  expect(withSecond(curve, [{ x: 0, y: 2.2 }], false).high).toBe(2);
});
