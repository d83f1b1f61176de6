import { describe, expect, it } from 'vitest';
import { comparedText, largestChanges, windowsOf } from './changes';
import type { Series } from './data';

/** Counts of two classes; `a` and `b` are the cells off the diagonal. */
const series = (cells: [number, number][], checkpoints = cells.map((_, n) => n)): Series => ({
  classes: 2,
  images: 200,
  checkpoints,
  counts: cells.map(([a, b]) => [100 - a, a, b, 100 - b]),
});

// The untrained network; three checkpoints around 4 and 30; three around 16 and 10.
const RUN = series([
  [100, 0],
  [4, 30],
  [5, 29],
  [3, 31],
  [15, 10],
  [16, 11],
  [17, 9],
]);

describe('the largest changes', () => {
  it('are differences of means, never the diagonal', () => {
    const found = largestChanges(RUN, { reference: [1, 2, 3], current: [4, 5, 6] });
    // 12 is more than √(4 + 16) = 4.5; 20 more than √(30 + 10) = 6.3.
    expect(found.grew).toEqual([{ truth: 0, predicted: 1, change: 12 }]);
    expect(found.fell).toEqual([{ truth: 1, predicted: 0, change: -20 }]);
  });
  it('leave out what swings as much between checkpoints', () => {
    // Means 20 and 40, variances 400 each: 20 is less than √800 = 28.
    const run = series([
      [0, 0],
      [0, 0],
      [20, 0],
      [40, 0],
      [20, 0],
      [40, 0],
      [60, 0],
    ]);
    const found = largestChanges(run, { reference: [1, 2, 3], current: [4, 5, 6] });
    expect(found).toMatchObject({ grew: [], fell: [] });
    expect(found.compared).toEqual({ reference: [1, 3], current: [4, 6] });
  });
  it('are the greatest of many classes, in order', () => {
    const classes = 40;
    // Counts that look random, and differ from one checkpoint to the next.
    const counts = (seed: number) =>
      Array.from({ length: classes ** 2 }, (_, i) => (i * 7919 + seed * 104_729) % 97);
    const run: Series = { classes, images: 1, checkpoints: [4, 5], counts: [counts(3), counts(8)] };
    const all = Array.from(run.counts[0])
      .map((then, at) => ({ at, then, change: run.counts[1][at] - then }))
      .filter(
        ({ at, then, change }) => at % (classes + 1) !== 0 && Math.abs(change) > Math.sqrt(2 * then + change),
      );
    const sizes = all.map(({ change }) => change).sort((a, b) => b - a);
    const found = largestChanges(run, { reference: [0], current: [1] }, 5);
    expect(found.grew.map(({ change }) => change)).toEqual(sizes.slice(0, 5));
    expect(found.fell.map(({ change }) => change)).toEqual(sizes.reverse().slice(0, 5));
    for (const { truth, predicted, change } of [...found.grew, ...found.fell]) {
      const at = truth * classes + predicted;
      expect(change).toBe(run.counts[1][at] - run.counts[0][at]);
    }
  });
  it('are none without anything to compare with', () => {
    expect(largestChanges(RUN, { reference: [], current: [6] })).toEqual({
      grew: [],
      fell: [],
      compared: null,
    });
  });
});

describe('what is compared', () => {
  it('are the checkpoints around each, clipped at the ends, and no checkpoint is in both windows', () => {
    expect(windowsOf(RUN, { reference: 2, current: 6, whole: true, beginsUntrained: true })).toEqual({
      reference: [1, 2, 3],
      current: [5, 6],
    });
  });
  it('is each as it is where the others were not read', () => {
    const two = series(
      [
        [4, 30],
        [16, 10],
      ],
      [5, 40],
    );
    const windows = windowsOf(two, { reference: 5, current: 40, whole: false, beginsUntrained: true });
    expect(windows).toEqual({ reference: [0], current: [1] });
    expect(largestChanges(two, windows).grew).toEqual([{ truth: 0, predicted: 1, change: 12 }]);
    expect(
      windowsOf(two, { reference: 7, current: 40, whole: false, beginsUntrained: true }).reference,
    ).toEqual([]);
  });
  it('is described in words', () => {
    expect(comparedText({ reference: [3, 7], current: [38, 40] })).toBe('means of checkpoints 3–7 and 38–40');
    expect(comparedText({ reference: [5, 5], current: [40, 40] })).toBe('checkpoint 5 and 40');
    expect(comparedText(null)).toBe('');
  });
});
