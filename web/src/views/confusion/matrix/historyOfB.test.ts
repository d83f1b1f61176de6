import { expect, it } from 'vitest';
import { historyOnClock } from './historyOfB';

const [a, b] = [
  ['cat', 'dog'],
  ['dog', 'cat'],
];
const series = {
  classes: 2,
  images: 20,
  checkpoints: [0, 4],
  // Rows and columns in B's order: dog, cat.
  counts: [
    [9, 1, 4, 6],
    [7, 3, 2, 8],
  ],
};
const clock = { by: 'epoch', pairs: [0, 3, 4, null], missing: null } as const;
const of = { a, b, clock: { ...clock, pairs: [...clock.pairs] }, checkpoints: [0, 1, 2, 3] };

it('has the classes by name and the checkpoints by the clock', () => {
  expect(historyOnClock(series, { truth: 0, predicted: 1 }, of)).toEqual({
    values: [5, 5, 5, NaN],
    checkpoints: [0, 0, 4, -1],
  });
  expect(historyOnClock(series, { truth: 0, predicted: 0 }, of)?.values).toEqual([6, 6, 8, NaN]);
});

it('has nothing where B does not know the class or is not on the clock', () => {
  expect(historyOnClock(series, { truth: 0, predicted: 1 }, { ...of, b: ['dog', 'cow'] })).toBeNull();
  expect(historyOnClock(series, { truth: 1, predicted: 1 }, { ...of, clock: null })?.values).toEqual([
    NaN,
    NaN,
    NaN,
    NaN,
  ]);
});
