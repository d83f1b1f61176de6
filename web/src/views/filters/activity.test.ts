import { expect, it } from 'vitest';
import {
  activeShares,
  deadWords,
  firingWords,
  mapOf,
  meanPlace,
  classResponses,
  strongestFirst,
} from './activity';

it('counts an unshared layer’s filters by map', () => {
  expect([mapOf(5, 64), mapOf(70, 64), mapOf(3, 0)]).toEqual([5, 6, 3]);
});

it('tells how often a filter answers, checkpoint by checkpoint', () => {
  const history = { checkpoints: [0, 2], zeros: [[1, 0.5], [0.25, 0.5]] }; // prettier-ignore
  expect(activeShares(history, 0, [0, 1, 2])).toEqual([0, NaN, 0.75]);
  expect(deadWords([['dead', 'alive'], ['revived', 'alive']], 0)).toBe('dead at 1 of 2 checkpoints'); // prettier-ignore
  expect(deadWords([['alive']], 0)).toBe('');
});

it('orders the classes by their pull', () => {
  expect(strongestFirst([1, 4, 4, 0])).toEqual([1, 2, 0, 3]);
  expect(classResponses([1, 4, 0], [1, 0, 2], 2)).toEqual([
    { class_index: 1, mean: 4, from: 0, width: 1 },
    { class_index: 0, mean: 1, from: 0, width: 0.25 },
  ]);
  // Below zero a bar lies left of the others.
  expect(classResponses([-2, 2], [1, 0], 9).map((one) => [one.from, one.width])).toEqual([
    [0.5, 0.5],
    [0, 0.5],
  ]);
  expect(classResponses([0, 0], [0, 1], 9)[0].width).toBe(0);
  expect(meanPlace([0, 4], 1)).toBe(0.25);
});

it('says how often a filter fires', () => {
  expect(firingWords({ state: 'alive', active: 0.594 })).toBe('fires at 59 % of positions');
  expect(firingWords({ state: 'at risk', active: 0.003 })).toBe('at risk, fires at 0.3 % of positions');
  expect(firingWords({ state: 'dead', active: 0 })).toBe('dead, never fires');
  expect(firingWords({ state: 'alive', active: null })).toBe('alive');
});
