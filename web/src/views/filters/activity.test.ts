import { expect, it } from 'vitest';
import { activeShares, deadWords, firingWords, mapOf, classResponses, strongestFirst } from './activity';

it('the filters of a locally connected layer have the statistics of their map', () => {
  expect([mapOf(5, 64), mapOf(70, 64), mapOf(3, 0)]).toEqual([5, 6, 3]);
});

it('describes how often a filter is active at each checkpoint', () => {
  const history = { checkpoints: [0, 2], zeros: [[1, 0.5], [0.25, 0.5]] }; // prettier-ignore
  expect(activeShares(history, 0, [0, 1, 2])).toEqual([0, NaN, 0.75]);
  expect(deadWords([['dead', 'alive'], ['revived', 'alive']], 0)).toBe('dead at 1 of 2 checkpoints'); // prettier-ignore
  expect(deadWords([['dead']], 0)).toBe('dead at 1 of 1 checkpoint');
  expect(deadWords([['alive']], 0)).toBe('');
});

it('orders the classes by mean activation', () => {
  expect(strongestFirst([1, 4, 4, 0])).toEqual([1, 2, 0, 3]);
});

it('draws what sets a class apart from the mean over all images', () => {
  const bars = (means: number[], of: { overall: number; deviation: number | null }) =>
    classResponses(means, [1, 0, 2], 9, of).map((one) => [one.mean, one.from, one.width]);
  // 22.0 and 25.8 have visibly different bars.
  expect(bars([22, 25.8, 23.9], { overall: 23.9, deviation: null }).map(([mean]) => mean)).toEqual([
    25.8, 22, 23.9,
  ]);
  const [high, low, middle] = bars([22, 26, 24], { overall: 24, deviation: null });
  expect([high, low, middle]).toEqual([
    [26, 0.5, 0.5],
    [22, 0, 0.5],
    [24, 0.5, 0],
  ]);
  // Small against the spread between images, they are short.
  expect(bars([22, 26, 24], { overall: 24, deviation: 8 })[0]).toEqual([26, 0.5, 0.125]);
  expect(bars([0, 0, 0], { overall: 0, deviation: null })[0][2]).toBe(0);
  expect(bars([1, NaN, 3], { overall: 2, deviation: null })[0].slice(1)).toEqual([0.5, 0]);
  expect(classResponses([1, 4, 0], [1, 0, 2], 2, { overall: 2, deviation: 1 })).toHaveLength(2);
});

it('says how often a filter fires', () => {
  expect(firingWords({ state: 'alive', active: 0.594 })).toBe('fires at 59 % of positions');
  expect(firingWords({ state: 'at risk', active: 0.003 })).toBe('at risk, fires at 0.3 % of positions');
  expect(firingWords({ state: 'dead', active: 0 })).toBe('dead, never fires');
  expect(firingWords({ state: 'alive', active: null })).toBe('alive');
});
