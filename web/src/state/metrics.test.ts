import { expect, it } from 'vitest';
import type { Metrics } from '../api/types';
import { joinMetrics, since } from './metrics';

const metrics = (steps: number[]): Metrics => ({
  divergence: null,
  skipped: null,
  train: {
    step: steps,
    epoch: steps.map((s) => s / 10),
    loss: steps.map((s) => 1 / (s + 1)),
    error: steps.map(() => 0.5),
    rate: steps.map(() => 0.01),
    images_per_s: steps.map(() => 1000),
  },
  test: { step: [], epoch: [], loss: [], error: [], not_finite: [] },
  views: { step: [], epoch: [], loss: [], error: [], not_finite: [] },
});

it('adds what is new and keeps every list as long as the steps', () => {
  const joined = joinMetrics(metrics([1, 2, 3]), metrics([3, 4, 5]));
  expect(joined.train.step).toEqual([1, 2, 3, 4, 5]);
  expect(joined.train.loss).toHaveLength(5);
});
it('is unchanged by old news', () => {
  const old = metrics([1, 2, 3]);
  expect(joinMetrics(old, metrics([2, 3])).train).toBe(old.train);
  expect(joinMetrics(metrics([]), metrics([1])).train.step).toEqual([1]);
});
it('asks again for the last step, whose test is written after its minibatch', () => {
  expect(since(null)).toBeUndefined();
  expect(since(metrics([]))).toBeUndefined();
  expect(since(metrics([0]))).toBeUndefined();
  expect(since(metrics([1, 2, 3]))).toBe(2);
  const test = { step: [3], epoch: [0.3], loss: [1], error: [0.4], not_finite: [0] };
  expect(joinMetrics(metrics([1, 2, 3]), { ...metrics([3]), test }).test.step).toEqual([3]);
});
it('learns of a divergence with the news', () => {
  const divergence = { step: 3, epoch: 0.3, what: 'loss', found: 'x', rate: 1 };
  const news = { ...metrics([4]), divergence };
  expect(joinMetrics(metrics([1, 2, 3]), news).divergence).toBe(divergence);
});
