import { expect, it } from 'vitest';
import type { CurvePoints, RunCurves } from '../../api/types';
import { curveOf, nearestCurve, pathOf, scalesOf, valueAt, type Box } from './curves';

const points = (error: (number | null)[]): CurvePoints => ({
  steps: error.map((_, n) => n * 100),
  epochs: error.map((_, n) => n),
  loss: error,
  error,
});
const none: CurvePoints = { steps: [], epochs: [], loss: [], error: [] };
const made = (run: string, test: CurvePoints, train = none): RunCurves => ({
  run,
  train,
  test,
  best: null,
  last: null,
  images_per_second: null,
});
const BOX: Box = { width: 140, height: 120, left: 20, right: 20, top: 10, bottom: 10 };

it('breaks where a value is not finite', () => {
  const curve = curveOf(made('a', points([0.8, null, 0.4, 0.2])), 'error', 'epoch');
  const scales = scalesOf([curve], 'error', BOX);
  expect(pathOf(curve, scales)).toBe('M20.0,10.0M86.7,60.0L120.0,85.0');
});

it('takes the training curve where there is no test', () => {
  const curve = curveOf(made('a', none, points([0.5, 0.25])), 'loss', 'step');
  expect(curve).toEqual({ run: 'a', x: [0, 100], y: [0.5, 0.25] });
});

it('lets one run that diverged flatten no other', () => {
  const curves = [2.3, 2.4, 2.3, 1e9].map((top, n) =>
    curveOf(made(String(n), points([top, 0.1])), 'loss', 'epoch'),
  );
  expect(scalesOf(curves, 'loss', BOX).top).toBeCloseTo(3.6);
});

it('finds the curve under the pointer', () => {
  const curves = [
    curveOf(made('low', points([1, 0.1, 0.1])), 'error', 'epoch'),
    curveOf(made('high', points([1, 0.6])), 'error', 'epoch'),
  ];
  const scales = scalesOf(curves, 'error', BOX);
  const at = (x: number, y: number) => nearestCurve(curves, scales, { x, y, reach: 12 });
  expect(at(scales.x(1), scales.y(0.12))).toBe('low');
  expect(at(scales.x(1), scales.y(0.58))).toBe('high');
  expect(at(scales.x(2), scales.y(0.6))).toBeNull();
  expect(valueAt(curves[1], 0.5)).toBeCloseTo(0.8);
  expect(valueAt(curves[1], 1.5)).toBeNaN();
});
