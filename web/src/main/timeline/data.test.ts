import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../../api/types';
import {
  apart,
  axisEnd,
  axisTicks,
  errorSegments,
  lossBins,
  lossTop,
  labelSide,
  rateChanges,
  smoothed,
  flags,
  startsEpoch,
  statisticsNote,
  withoutStatistics,
} from './data';

const point = (index: number, more: Partial<Checkpoint> = {}): Checkpoint => ({
  index,
  step: index * 78,
  epoch: index * 0.2,
  images_seen: index * 9984,
  hash: `h${index}`,
  problem: null,
  train_loss: 1,
  train_error: 0.5,
  test_loss: 1,
  test_error: 0.5,
  not_finite: false,
  diverged: false,
  statistics: { train: 'missing', test: 'missing' },
  ...more,
});

describe('loss', () => {
  it('keeps the range and the mean of each part', () => {
    const bins = lossBins({ step: [1, 2, 3, 99], loss: [3, 1, 2, 0.5] }, 100, 10);
    expect(bins).toHaveLength(2);
    expect(bins[0]).toMatchObject({ step: 5, min: 1, mean: 2, max: 3 });
    expect(bins[1]).toMatchObject({ step: 95, mean: 0.5 });
  });
  it('passes over what is not a number, and an empty run', () => {
    expect(lossBins({ step: [1, 2], loss: [Number.NaN, 1] }, 10, 1)[0].mean).toBe(1);
    expect(lossBins({ step: [], loss: [] }, 0, 10)).toEqual([]);
  });
  it('smooths over neighbours', () => {
    const bins = lossBins({ step: [0, 1, 2], loss: [0, 3, 6] }, 3, 3);
    expect(smoothed(bins, 1)).toEqual([1.5, 3, 4.5]);
  });
  it('is not flattened by an outlier', () => {
    const bins = lossBins({ step: [0, 1], loss: [900, 1] }, 2, 2);
    expect(lossTop(bins, 10)).toBeCloseTo(Math.log(10) * 1.05 * 2);
    expect(lossTop([], 10)).toBeCloseTo(Math.log(10) * 1.05);
  });
});

describe('error curve', () => {
  it('breaks at gaps but waits for values that are still to come', () => {
    const runs = errorSegments([
      point(0),
      point(1),
      point(2, { problem: 'torn' }),
      point(3),
      point(4, { test_error: null }),
      point(5),
    ]);
    expect(runs.map((run) => run.map((p) => p.index))).toEqual([
      [0, 1],
      [3, 5],
    ]);
  });
});

describe('axis', () => {
  it('names rate changes', () => {
    const stages = [
      { first_step: 0, rate: 0.001 },
      { first_step: 3128, rate: 0.0001 },
      { first_step: 3500, rate: 0.0003 },
    ];
    expect(rateChanges(stages)).toEqual([
      { step: 3128, label: 'rate ÷ 10' },
      { step: 3500, label: 'rate × 3' },
    ]);
  });
  it('marks epochs', () => {
    const run = (checkpoints: Checkpoint[]) => ({ steps_per_epoch: 390, batch: 128, checkpoints });
    const labels = (end: number, unit: 'step' | 'epoch' | 'images') =>
      axisTicks(run([point(0), point(50)]), end, unit, 12).map((tick) => tick.label);
    expect(labels(3900, 'epoch')).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
    expect(labels(3900, 'step')).toEqual(['0', '1,000', '2,000', '3,000']);
    expect(labels(3900, 'images')).toEqual(['0', '100,000', '200,000', '300,000', '400,000']);
    expect(axisTicks(run([point(0)]), 780, 'epoch', 12).map((tick) => tick.step)).toEqual([0, 390, 780]);
    const points = Array.from({ length: 11 }, (_, i) => point(i));
    expect(points.map((_, i) => startsEpoch(points, i)).flatMap((yes, i) => (yes ? [i] : []))).toEqual([
      0, 5, 10,
    ]);
  });
  it('leaves room for what a live run will still do', () => {
    const checkpoints = [point(0), point(1)];
    const divergence = null;
    expect(axisEnd({ total_steps: 3910, live: true, checkpoints, divergence })).toBe(3910);
    expect(axisEnd({ total_steps: 3910, live: false, checkpoints, divergence })).toBe(78);
  });
  it('reaches to where a run diverged, and has no error where nothing is finite', () => {
    const divergence = { step: 100, epoch: 0.3, what: 'loss', found: 'x', rate: 1 };
    const checkpoints = [point(0), point(1)];
    expect(axisEnd({ total_steps: 3910, live: false, checkpoints, divergence })).toBe(100);
    const divergedPoint = point(1, { test_error: null, not_finite: true, diverged: true });
    expect(
      errorSegments([point(0), divergedPoint, point(2)]).map((part) => part.map((one) => one.index)),
    ).toEqual([[0], [2]]);
  });
  it('keeps two labels apart within their room', () => {
    expect(apart(50, 52, 12, 0, 100)).toEqual([45, 57]);
    expect(apart(52, 50, 12, 0, 100)).toEqual([57, 45]);
    expect(apart(99, 98, 12, 0, 100)).toEqual([100, 88]);
  });
});

describe('what is pointed out', () => {
  it('a checkpoint without statistics, where others have them', () => {
    const ready = { statistics: { train: 'missing', test: 'ready' } as const };
    expect(withoutStatistics([point(0), point(1)])).toEqual([]);
    expect(
      withoutStatistics([point(0, ready), point(1), point(2, { problem: 'broken' }), point(3, ready)]),
    ).toEqual([1]);
    expect(statisticsNote(point(0, ready), true)).toBe(null);
    expect(statisticsNote(point(0), true)).toBe('being computed');
    expect(statisticsNote(point(0, { statistics: { train: 'missing', test: 'failed' } }), false)).toBe(
      'could not be computed',
    );
  });
  it('a mark by its name, as far as there is room', () => {
    const placed = [
      { at: 0, name: 'edges appear' },
      { at: 60, name: 'rate' },
      { at: 120, name: 'a very long name' },
    ];
    expect(flags(placed, 400)).toEqual(['edges…', 'rate', 'a very long name']);
    expect(
      flags(
        placed.slice(0, 2).map((one, i) => ({ ...one, at: i * 20 })),
        400,
      )[0],
    ).toBe('');
  });
});

it('keeps a label out of the way of the playhead', () => {
  const axis = [50, 500] as const;
  const side = (at: number, playhead: number) => labelSide({ at, width: 60 }, playhead, axis);
  expect([side(200, 100), side(200, 200), side(200, 230), side(200, 300)]).toEqual([
    'right',
    'right',
    'left',
    'right',
  ]);
  // No room on the other side.
  expect([side(480, 100), side(60, 80)]).toEqual(['left', 'right']);
});
