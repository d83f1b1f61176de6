import { expect, it } from 'vitest';
import type { WeightHistory } from '../../api/types';
import type { Tally } from '../common/activity';
import { rateCurve } from './series';
import { highest, inPlaceOf, placeAlong, secondCurves, secondLayer, withSecond } from './second';

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

it('B takes the place of A on the axis of A', () => {
  const clock = { steps_per_epoch: 1, batch: 1, train_images: 1 };
  const ofRate = (rate: number) =>
    rateCurve({ train: { step: [0, 1], rate: [rate, rate] } } as never, 'step', clock);
  const a = withSecond({ ...ofRate(1), high: 2 }, [{ x: 0, y: 0.5 }], false);
  const held = inPlaceOf(a, ofRate(0.001));
  expect([held.low, held.high, held.data.y_ticks]).toEqual([a.low, 2, a.data.y_ticks]);
  expect(held.data.main.map(({ y }) => y)).toEqual([0.001, 0.001]);
  expect(held.data.second).toEqual(a.data.main.map(({ x, y }) => ({ x, y })));
  // Where B had no line A has none.
  expect(inPlaceOf(ofRate(1), ofRate(0.1)).data.second).toEqual([]);
});

it('a layer of B has its own places along the axis', () => {
  const weights = {
    checkpoints: [0, 1],
    arrays: [{ name: 'conv1.weight', norm: [2, null], change: [0, 0.1] }],
  } as unknown as WeightHistory;
  const tallies = [{ active: 0.5, dead: 2, filters: 8 }] as unknown as Tally[];
  const layer = { name: 'conv1', weight_shape: [1, 1, 2, 2] };
  const found = secondLayer(layer, weights, { checkpoints: [1], tallies }, (checkpoint) => checkpoint / 4);
  expect(found.size).toEqual({ at: [0, 0.25], values: [1, null] });
  expect(found.moved?.values).toEqual([null, 0.1]);
  expect(found.active).toEqual({ at: [0.25], values: [0.5] });
  expect(found.dead?.values).toEqual([0.25]);
  expect(highest(found.size)).toBe(1);
  const unknown = secondLayer({ ...layer, name: 'conv2' }, weights, null, () => 0);
  expect([unknown.size, unknown.active, highest(unknown.size)]).toEqual([null, null, 0]);
  expect(placeAlong({ epoch: 2, images_seen: 300, step: 4 }, 'images')).toBe(300);
});
