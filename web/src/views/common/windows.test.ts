import { describe, expect, it } from 'vitest';
import { changeOfMeans, noiseOfChange, variance, windowsAround, windowsAtEnds } from './windows';

const upTo = (last: number) => Array.from({ length: last + 1 }, (_, n) => n);

describe('the checkpoints around two', () => {
  const around = (checkpoints: number[], reference: number, current: number, beginsUntrained = true) =>
    windowsAround(checkpoints, { reference, current }, beginsUntrained);
  const none = { reference: [], current: [] };

  it('are five, with each in the middle', () => {
    expect(around(upTo(20), 5, 15)).toEqual({ reference: [3, 4, 5, 6, 7], current: [13, 14, 15, 16, 17] });
    expect(around(upTo(20), 15, 5).current).toEqual([3, 4, 5, 6, 7]);
  });
  it('are fewer at the ends, and never the untrained network', () => {
    expect(around(upTo(20), 2, 20)).toEqual({ reference: [1, 2, 3, 4], current: [18, 19, 20] });
    expect(around(upTo(20), 0, 20).reference).toEqual([1, 2, 3]);
  });
  it('begin with the first where that was trained', () => {
    expect(around(upTo(20), 0, 20, false).reference).toEqual([0, 1, 2]);
    expect(around([3, 5, 9, 10], 3, 10)).toEqual({ reference: [0, 1], current: [2, 3] });
  });
  it('share none, however few there are', () => {
    expect(around(upTo(4), 1, 4)).toEqual({ reference: [1, 2], current: [3, 4] });
    expect(around(upTo(3), 1, 3)).toEqual({ reference: [1], current: [3] });
    expect(around(upTo(3), 2, 1)).toEqual({ reference: [2], current: [1] });
  });
  it('are none where both are the same, or one has no counts', () => {
    expect(around(upTo(20), 7, 7)).toEqual(none);
    expect(around(upTo(1), 0, 1)).toEqual(none);
    expect(around(upTo(0), 0, 0)).toEqual(none);
    expect(around([3, 5, 9, 10], 4, 9)).toEqual(none);
  });
});

describe('the first and the last checkpoints', () => {
  it('are five each, after the untrained one', () => {
    expect(windowsAtEnds(upTo(20), true)).toEqual({ first: [1, 2, 3, 4, 5], last: [16, 17, 18, 19, 20] });
  });
  it('are fewer in a short run, and do not overlap', () => {
    expect(windowsAtEnds(upTo(7), true)).toEqual({ first: [1, 2, 3], last: [5, 6, 7] });
    expect(windowsAtEnds(upTo(4), true)).toEqual({ first: [1, 2], last: [3, 4] });
  });
  it('begin with the first where that was trained', () => {
    expect(windowsAtEnds(upTo(9), false)).toEqual({ first: [0, 1, 2, 3, 4], last: [5, 6, 7, 8, 9] });
    expect(windowsAtEnds(upTo(9), true)).toEqual({ first: [1, 2, 3, 4], last: [6, 7, 8, 9] });
  });
  it('are never two single ones', () => {
    expect(windowsAtEnds(upTo(3), true)).toBeNull();
    expect(windowsAtEnds([], true)).toBeNull();
  });
});

describe('noise', () => {
  it('of a sample', () => {
    // Mean 4, squares 4 + 0 + 4 = 8, over 2.
    expect(variance([2, 4, 6])).toBe(4);
    expect(variance([7])).toBe(0);
  });
  it('is the spread between checkpoints where they swing', () => {
    // Variances 100 and 0; Poisson is √(20 + 20) = 6.3.
    expect(noiseOfChange([10, 20, 30], [20, 20, 20])).toBe(10);
  });
  it('is Poisson where they do not, or where there is one', () => {
    expect(noiseOfChange([8, 8, 8], [8, 8, 8])).toBe(4);
    expect(noiseOfChange([9], [16])).toBe(5);
  });
  it('hides a change that is not larger', () => {
    expect(changeOfMeans([9], [16])).toEqual({ change: 7, beyondNoise: true });
    // A difference of 4 where √(6 + 10) = 4.
    expect(changeOfMeans([6], [10])).toEqual({ change: 4, beyondNoise: false });
    // A mean of 20 to one of 29, but checkpoints swing by 10.
    expect(changeOfMeans([10, 20, 30], [29, 29, 29])).toEqual({ change: 9, beyondNoise: false });
    expect(changeOfMeans([1], [1]).beyondNoise).toBe(false);
  });
});
