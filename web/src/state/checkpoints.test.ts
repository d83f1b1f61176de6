import { describe, expect, it } from 'vitest';
import type { Checkpoint } from '../api/types';
import {
  chunks,
  epochAway,
  neighbours,
  nextReadable,
  readyStatisticsKey,
  nearestReadable,
  usableCheckpoints,
} from './checkpoints';

const points = [null, null, 'broken', 'broken', null, null].map((problem) => ({ problem }));

it('steps over gaps', () => {
  expect(nextReadable(points, 1, 1)).toBe(4);
  expect(nextReadable(points, 4, -1)).toBe(1);
  expect(nextReadable(points, 5, 1)).toBe(5);
  expect(nextReadable(points, 0, -1)).toBe(0);
});
it('rests on the nearest readable one', () => {
  expect(nearestReadable(points, 2)).toBe(1);
  expect(nearestReadable(points, 3)).toBe(4);
  expect(nearestReadable(points, 99)).toBe(5);
  expect(nearestReadable([{ problem: 'x' }], 0)).toBe(0);
});
it('looks ahead before it looks behind', () => {
  expect(neighbours(points, 1, 1, 2, 1)).toEqual([4, 5, 0]);
  expect(neighbours(points, 4, -1, 3, 3)).toEqual([1, 0, 5]);
});

describe('parts of a long run', () => {
  const points = Array.from({ length: 40 }, (_, i) => ({ problem: i === 17 ? 'broken' : null }));
  it('begin at the same places wherever one stands', () => {
    expect(chunks(points, 18, 1, 16, 2).map((part) => [part[0], part.length])).toEqual([
      [16, 15],
      [32, 8],
    ]);
    expect(chunks(points, 31, 1, 16, 1)).toEqual(chunks(points, 18, -1, 16, 1));
    expect(chunks(points, 18, -1, 16, 5).map((part) => part[0])).toEqual([16, 0]);
  });
});

it('goes an epoch on or back', () => {
  const points = [0, 0.5, 1, 1.5, 2].map((epoch) => ({ epoch, problem: null })) as Checkpoint[];
  expect([
    epochAway(points, 0, 1),
    epochAway(points, 3, -1),
    epochAway(points, 3, 1),
    epochAway(points, 0, -1),
  ]).toEqual([2, 1, 4, 0]);
});
it('distinguishes new statistics from new checkpoints', () => {
  const at = (index: number, test: 'ready' | 'missing') => ({
    index,
    statistics: { train: 'missing' as const, test },
  });
  const before = readyStatisticsKey([at(0, 'ready'), at(1, 'missing')]);
  expect(readyStatisticsKey([at(0, 'ready'), at(1, 'missing'), at(2, 'missing')])).toBe(before);
  expect(readyStatisticsKey([at(0, 'ready'), at(1, 'ready')])).not.toBe(before);
  expect(readyStatisticsKey([at(0, 'missing'), at(1, 'ready')])).not.toBe(before);
});

it('what has diverged cannot be computed', () => {
  const point = { index: 0, problem: null, diverged: false, not_finite: false };
  const points = [point, { ...point, index: 1, diverged: true }, { ...point, index: 2, problem: 'torn' }];
  expect(usableCheckpoints([...points, { ...point, index: 3 }])).toEqual([0, 3]);
});
