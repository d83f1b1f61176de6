import { describe, expect, it } from 'vitest';
import type { Series } from './data';
import { errorOf, imagesOfPair, mixedUp, pairSentence, pairSummary, spreadLabels } from './pair';

/** Two classes of ten images; `a` of the first and `b` of the second are predicted as the other. */
const at = (a: number, b: number) => [10 - a, a, b, 10 - b];
const series = (mixed: [number, number][]): Series => ({
  classes: 2,
  images: 20,
  checkpoints: mixed.map((_, n) => n),
  counts: mixed.map(([a, b]) => at(a, b)),
});
const CELL = { truth: 0, predicted: 1 };

// The untrained network, then four checkpoints: 8, 6, 3, 1 of 20 are mixed up.
const RUN = series([
  [10, 0],
  [5, 3],
  [2, 4],
  [1, 2],
  [1, 0],
]);

describe('a pair', () => {
  it('is summed over both directions', () => {
    expect(mixedUp(RUN, CELL)).toEqual([10, 8, 6, 3, 1]);
    expect(mixedUp(RUN, { truth: 1, predicted: 0 })).toEqual([10, 8, 6, 3, 1]);
    expect(imagesOfPair(RUN.counts[1], 2, CELL)).toBe(20);
  });
  it('has the images of its two classes alone', () => {
    expect(imagesOfPair([1, 2, 3, 4, 5, 6, 7, 8, 9], 3, { truth: 0, predicted: 2 })).toBe(6 + 24);
  });
  it('is set against the error of the same images', () => {
    expect(errorOf(at(5, 3), 2)).toBeCloseTo(0.4);
    expect(errorOf([0, 0, 0, 0], 2)).toBeNaN();
  });
});

describe('the summary of a pair', () => {
  it('compares means, without the untrained network', () => {
    // (8 + 6) / 2 / 20 and (3 + 1) / 2 / 20.
    const summary = pairSummary(RUN, CELL, true);
    expect(summary).toMatchObject({ checkpoints: 2, first: [1, 2], last: [3, 4] });
    expect(summary?.early).toBeCloseTo(0.35);
    expect(summary?.late).toBeCloseTo(0.1);
    // Two classes: every error is a mix-up.
    expect(summary?.errorEarly).toBeCloseTo(0.35);
    expect(summary?.errorLate).toBeCloseTo(0.1);
    // 7 to 2: 5 is more than √(7 + 2) = 3 and than √(2 + 2).
    expect(summary?.beyondNoise).toBe(true);
  });
  it('knows a change within the noise', () => {
    const run = series([
      [5, 5],
      [4, 0],
      [4, 0],
      [3, 0],
      [3, 0],
    ]);
    expect(pairSummary(run, CELL, true)?.beyondNoise).toBe(false);
  });
  it('is none in a short run and on the diagonal', () => {
    expect(
      pairSummary(
        series([
          [1, 1],
          [1, 1],
          [1, 1],
        ]),
        CELL,
        true,
      ),
    ).toBeNull();
    expect(pairSummary(RUN, { truth: 1, predicted: 1 }, true)).toBeNull();
  });
});

describe('its words', () => {
  const summary = {
    checkpoints: 5,
    first: [1, 2],
    last: [3, 4],
    early: 0.209,
    late: 0.176,
    beyondNoise: true,
    errorEarly: 0.456,
    errorLate: 0.265,
  };
  const epochs = [0, 0.5, 1.5, 9, 10];
  it('say share, epoch, error and how many checkpoints', () => {
    expect(pairSentence(summary, { epochs, split: 'test', live: false })).toEqual({
      early: '21 %',
      when: 'around epoch 1.0',
      late: '18 %',
      end: 'at the end',
      change: '',
      error: 'The test error fell by 42 %, from 46 % to 27 %.',
      evidence: 'Means of 5 checkpoints each.',
    });
  });
  it('describe no change, a rise, and a run that still trains', () => {
    const worse = { ...summary, beyondNoise: false, errorEarly: 0.2, errorLate: 0.3 };
    const text = pairSentence(worse, { epochs, split: 'train', live: true });
    expect(text).toMatchObject({ end: 'at the latest', change: ', a change within the noise' });
    expect(text.error).toBe('The train error rose by 50 %, from 20 % to 30 %.');
    const same = { ...summary, errorEarly: 0.2, errorLate: 0.201 };
    expect(pairSentence(same, { epochs, split: 'test', live: false }).error).toBe(
      'The test error stayed at 20 %.',
    );
  });
});

describe('labels beside lines', () => {
  it('stay where they are when there is room', () => {
    expect(spreadLabels([10, 50, 30], 12, 0, 90)).toEqual([10, 50, 30]);
  });
  it('make room around their middle, in the order of the lines', () => {
    expect(spreadLabels([40, 40], 12, 0, 90)).toEqual([34, 46]);
    expect(spreadLabels([52, 40, 46], 12, 0, 90)).toEqual([58, 34, 46]);
  });
  it('stay inside', () => {
    expect(spreadLabels([88, 89, 20], 12, 0, 90)).toEqual([78, 90, 20]);
    expect(spreadLabels([2, 0], 12, 4, 90)).toEqual([16, 4]);
  });
});
