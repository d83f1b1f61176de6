import { describe, expect, it } from 'vitest';
import type { Checkpoint, Run } from '../../api/types';
import { xTicks } from './charts';
import {
  along,
  alignedTo,
  bands,
  clockOf,
  duration,
  fanLimit,
  latestKnown,
  powersAround,
  rateStages,
  rootMeanSquare,
  secondsLeft,
  smooth,
  medianSpeed,
  threeDigits,
  updatesOf,
  valueAt,
  pageHeights,
} from './data';

describe('series', () => {
  it('are thinned to bands with their range', () => {
    expect(bands([1, 2, 3, 4], [4, 2, 8, 6], 2)).toEqual([
      { step: 1, mean: 3, low: 2, high: 4 },
      { step: 3, mean: 7, low: 6, high: 8 },
    ]);
    expect(bands([1, 2], [NaN, 5], 9)).toEqual([{ step: 2, mean: 5, low: 5, high: 5 }]);
    expect(bands([], [], 9)).toEqual([]);
    expect(
      bands(
        Array.from({ length: 1001 }, (_, i) => i),
        new Array(1001).fill(1),
        100,
      ).length,
    ).toBeLessThanOrEqual(100);
  });
  it('are smoothed without bending the ends', () => {
    expect(smooth([0, 3, 6, 9], 1)).toEqual([1.5, 3, 6, 7.5]);
    expect(smooth([5], 4)).toEqual([5]);
  });
  it('have a value at every step', () => {
    expect([0, 5, 9, 10, 99].map((s) => valueAt([5, 10], [1, 2], s))).toEqual([1, 1, 1, 2, 2]);
    expect(valueAt([], [], 3)).toBeNull();
  });
});

it('places a step by epoch or images', () => {
  const clock = { steps_per_epoch: 391, batch: 128, train_images: 50_000 };
  expect(along(391, 'step', clock)).toBe(391);
  expect(along(391, 'epoch', clock)).toBe(1);
  expect(along(782, 'images', clock)).toBe(100_000);
});

it('tells stages of the rate', () => {
  expect(rateStages([1, 2, 3, 4], [0.1, 0.1, 0.01, 0.01])).toEqual([
    { step: 0, rate: 0.1 },
    { step: 3, rate: 0.01 },
  ]);
});

describe('what is left', () => {
  it('comes from the median of all steps', () => {
    expect(medianSpeed([100, 9, 100, 102, NaN, 0])).toBe(100);
    // The upper of two in the middle, as the server has it.
    expect(medianSpeed([3, 5])).toBe(5);
    expect(medianSpeed([])).toBeNull();
    expect(secondsLeft(10, 128, 128)).toBe(10);
    expect(secondsLeft(10, 128, null)).toBeNull();
  });
  it('reads like speech', () => {
    expect([43, 89.6, 200, 8000].map(duration)).toEqual(['43 s', '90 s', '3 min', '2 h 13 min']);
  });
});

describe('weights', () => {
  it('have a size and a range', () => {
    expect(rootMeanSquare([4, 8], 16)).toEqual([1, 2]);
    const percentiles = { p1: [-3, -1], p25: [0, 0], p50: [0, 0], p75: [0, 0], p99: [1, 2] };
    expect(fanLimit(percentiles)).toBe(3);
  });
  it('print three digits', () => {
    expect([0.0368, 12345, -0.5, 3.2e-7, 0, NaN].map(threeDigits)).toEqual([
      '0.0368',
      '12345',
      '−0.500',
      '3.2e−7',
      '0.00',
      'not finite',
    ]);
  });
  it('lie between powers of ten', () => {
    expect(powersAround([0.02, 3, 40], 1e-3)).toEqual({ low: 0.01, high: 100 });
    expect(powersAround([0.1], 1e-3)).toEqual({ low: 0.1, high: 1 });
    expect(powersAround([], 0.01)).toEqual({ low: 0.01, high: 0.1 });
  });
});

describe('layers', () => {
  const history = {
    checkpoints: [0, 2],
    arrays: [
      { name: 'conv1.weight', update: [0, 0.01] },
      { name: 'conv1.bias', update: [0, 0.2] },
    ],
  };
  it('have the last step of their weights, none where untrained', () => {
    expect(updatesOf(history, 'conv1')).toEqual({ checkpoints: [0, 2], update: [null, 0.01] });
    expect(updatesOf(history, 'conv2')).toBeNull();
    expect(updatesOf(null, 'conv1')).toBeNull();
  });
  it('are brought to the order of other checkpoints', () => {
    expect(alignedTo([0, 1, 2], { checkpoints: [0, 2], values: [null, 5] })).toEqual([null, null, 5]);
  });
  it('show the newest known checkpoint while a run is live', () => {
    expect(latestKnown([0, 2, 4], 3, true)).toBe(1);
    expect(latestKnown([0, 2, 4], 3, false)).toBe(-1);
    expect(latestKnown([0, 2, 4], 4, false)).toBe(2);
  });
});

it('the clock of a run that was trained elsewhere is read off its newest checkpoint', () => {
  const checkpoints = [
    { step: 0, epoch: 0, images_seen: 0 },
    { step: 300, epoch: 1.5, images_seen: 9600 },
  ] as Checkpoint[];
  const corpus = { train: 6400 } as Run['corpus'];
  const here = { steps_per_epoch: 100, batch: 64, checkpoints, corpus };
  expect(clockOf(here)).toEqual({ steps_per_epoch: 100, batch: 64, train_images: 6400 });
  const elsewhere = { ...here, steps_per_epoch: null, batch: null };
  expect(clockOf(elsewhere)).toEqual({ steps_per_epoch: 200, batch: 32, train_images: 6400 });
  expect(clockOf({ ...elsewhere, checkpoints: checkpoints.slice(0, 1) }).steps_per_epoch).toBe(1);
});

it('gives the room of a high window to the charts, then to the rows of the layers', () => {
  expect(pageHeights(700, 5)).toEqual({ big: 192, row: 84 });
  expect(pageHeights(400, 5)).toEqual({ big: 168, row: 84 });
  const { big, row } = pageHeights(1230, 5);
  expect([big, row]).toEqual([320, 164]);
  expect(20 + 44 + 24 + big + 5 * row).toBeLessThanOrEqual(1230);
  expect(pageHeights(4000, 2)).toEqual({ big: 320, row: 168 });
});

it('writes ticks between whole epochs as they are: no two are called alike', () => {
  const labels = xTicks(4, 9, 'epoch', (x) => x.toFixed(0)).map((tick) => tick.label);
  expect(labels).toEqual(['epoch 0', '0.5', '1', '1.5', '2', '2.5', '3', '3.5', '4']);
  expect(xTicks(40, 5, 'epoch', (x) => x.toFixed(0)).map((tick) => tick.label)).toEqual([
    'epoch 0',
    '10',
    '20',
    '30',
    '40',
  ]);
});
