import { describe, expect, it } from 'vitest';
import { changeOfMeans, noiseOfChange, variance, windowAround, windowsAtEnds } from './windows';

const upTo = (last: number) => Array.from({ length: last + 1 }, (_, n) => n);

describe('the checkpoints around one', () => {
  it('are five, with it in the middle', () => {
    expect(windowAround(upTo(20), 10, true)).toEqual([8, 9, 10, 11, 12]);
  });
  it('are fewer at the ends, and never the untrained network', () => {
    expect(windowAround(upTo(20), 20, true)).toEqual([18, 19, 20]);
    expect(windowAround(upTo(20), 2, true)).toEqual([1, 2, 3, 4]);
    expect(windowAround(upTo(20), 0, true)).toEqual([1, 2]);
    expect(windowAround(upTo(0), 0, true)).toEqual([]);
  });
  it('begin with the first where that was trained', () => {
    expect(windowAround(upTo(20), 2, false)).toEqual([0, 1, 2, 3, 4]);
    expect(windowAround(upTo(20), 0, false)).toEqual([0, 1, 2]);
    expect(windowAround([3, 5, 9, 10], 5, true)).toEqual([0, 1, 2, 3]);
    expect(windowsAtEnds(upTo(9), false)).toEqual({ first: [0, 1, 2, 3, 4], last: [5, 6, 7, 8, 9] });
    expect(windowsAtEnds(upTo(9), true)).toEqual({ first: [1, 2, 3, 4], last: [6, 7, 8, 9] });
  });
  it('are neighbours in the series where some were not counted', () => {
    expect(windowAround([3, 5, 9, 10], 5, true)).toEqual([0, 1, 2, 3]);
    expect(windowAround([3, 5, 9, 10], 4, true)).toEqual([]);
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
