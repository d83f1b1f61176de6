import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../api/types';
import { BOTTOM, LEFT, RIGHT, TOP, xAt, xTicks, yAt } from './charts';
import { axisTop, checkpointAt, errorCurve, lossCurve, powerLabel, rateCurve } from './series';

const clock = { steps_per_epoch: 10, batch: 100, train_images: 1000 };
const metrics = {
  divergence: null,
  skipped: null,
  train: {
    step: [1, 2, 3, 4],
    epoch: [0.1, 0.2, 0.3, 0.4],
    loss: [2.3, 2, 1.5, 1],
    error: [0.9, 0.8, 0.6, 0.4],
    rate: [0.001, 0.001, 0.0001, 0.0001],
    images_per_s: [1, 1, 1, 1],
  },
  test: { step: [0, 4], epoch: [0, 0.4], loss: [2.31, 1.2], error: [0.9, 0.45], not_finite: [0, 0] },
  views: { step: [4], epoch: [0.4], loss: [1.1], error: [0.4], not_finite: [0] },
};

describe('curves', () => {
  it('place loss along the chosen axis under a round top', () => {
    const curve = lossCurve(metrics, 'epoch', clock, false);
    expect(curve.high).toBe(2.5);
    expect(curve.low).toBe(0);
    expect(curve.data.soft[0]).toEqual({ x: 0.1, y: 2.3 });
    expect(curve.data.main[1]).toEqual({ x: 0.4, y: 1.2, stepped: false });
    expect(curve.data.dots).toEqual([
      { x: 0, y: 2.31 },
      { x: 0.4, y: 1.2 },
    ]);
    expect(curve.data.y_ticks.map((t) => t.label)).toEqual(['0.0', '0.5', '1.0', '1.5', '2.0', '2.5']);
  });
  it('leave out dots that would touch', () => {
    const steps = Array.from({ length: 1000 }, (_, n) => n);
    const test = { step: steps, epoch: steps, loss: steps, error: steps, not_finite: steps };
    const { data } = errorCurve({ ...metrics, test }, 'step', clock);
    expect([data.main.length, data.dots.length]).toEqual([1000, 0]);
  });
  it('begin a log axis below the smallest mean', () => {
    const curve = lossCurve(metrics, 'step', clock, true);
    expect(curve.low).toBeCloseTo(0.8);
    expect(curve.data.y_ticks.map((t) => t.y)).toEqual([1, 2]);
  });
  it('draw no number where none was finite, and stay short where losses are huge', () => {
    const test = { step: [0, 4], epoch: [0, 0.4], loss: [2.31, null], error: [0.9, null], not_finite: [0, 30] };
    const huge = { ...metrics, train: { ...metrics.train, loss: [2.3, 40, 1e9, 1e22] }, test };
    for (const log of [true, false]) {
      const curve = lossCurve(huge, 'step', clock, log);
      expect(curve.data.main).toEqual([{ x: 0, y: 2.31, stepped: false }]);
      expect(curve.data.dots).toHaveLength(1);
      expect(curve.data.y_ticks.length).toBeGreaterThan(1);
      expect(curve.data.y_ticks.length).toBeLessThan(10);
      for (const tick of curve.data.y_ticks) expect(tick.label.length).toBeLessThan(8);
    }
    expect(errorCurve(huge, 'step', clock).data.main).toHaveLength(1);
  });
  it('survive a run that has only begun', () => {
    const nothing = {
      ...metrics,
      train: { ...metrics.train, step: [], loss: [], error: [], rate: [] },
      test: { step: [], epoch: [], loss: [], error: [], not_finite: [] },
      views: { step: [], epoch: [], loss: [], error: [], not_finite: [] },
    };
    for (const log of [true, false]) expect(lossCurve(nothing, 'epoch', clock, log).high).toBe(1);
    expect(rateCurve(nothing, 'epoch', clock).data.main).toEqual([]);
    expect(errorCurve(nothing, 'epoch', clock).high).toBe(1);
  });
  it('show the rate as steps between powers of ten', () => {
    const curve = rateCurve(metrics, 'images', clock);
    expect(curve.data.main.map(({ x, y }) => [x, y])).toEqual([
      [0, 0.001],
      [300, 0.0001],
      [400, 0.0001],
    ]);
    expect(curve.data.y_ticks.map((t) => t.label)).toEqual(['10⁻⁴', '10⁻³']);
    expect([powerLabel(0), powerLabel(-12)]).toEqual(['10⁰', '10⁻¹²']);
  });
});

it('rounds the top of an axis', () => {
  expect([2.3, 0.07, 1, 0, NaN].map(axisTop)).toEqual([2.5, 0.08, 1, 1, 1]);
});

it('ticks turn inwards at the ends', () => {
  expect(xTicks(10, 2, 'epoch', String)).toEqual([
    { x: 0, label: 'epoch 0', align: 'left' },
    { x: 5, label: '5', align: 'center' },
    { x: 10, label: '10', align: 'right' },
  ]);
});

it('finds the place of a value in a chart', () => {
  expect([0, 5, 10].map((x) => xAt(x, 10, 100 + LEFT + RIGHT))).toEqual([LEFT, LEFT + 50, LEFT + 100]);
  const height = 100 + TOP + BOTTOM;
  const linear = { low: 0, high: 2, log: false };
  expect([0, 1, 3, null, NaN].map((y) => yAt(y, linear, height))).toEqual([
    TOP + 100,
    TOP + 50,
    TOP,
    null,
    null,
  ]);
  const log = { low: 0.01, high: 1, log: true };
  expect(yAt(0.1, log, height)).toBeCloseTo(TOP + 50);
  expect(yAt(0, log, height)).toBeNull();
});

it('finds the checkpoint under the pointer', () => {
  const points = [0, 10, 30].map((step, index) => ({ index, step })) as Checkpoint[];
  expect([0, 0.6, 1.9, 9].map((x) => checkpointAt(points, x, 'epoch', clock))).toEqual([0, 1, 1, 2]);
});
