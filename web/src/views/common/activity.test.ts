import { expect, it } from 'vitest';
import { isConstant, stateOf, tallies, tally } from './activity';

it('counts the filters by how they are', () => {
  const found = tally(['alive', 'dead', 'at_risk', 'revived'], [0, 1, 0.99, 0.41]);
  expect(found).toMatchObject({ filters: 4, dead: 1, at_risk: 1, revived: 1, saturated: 1 });
  expect(found.active).toBeCloseTo(0.4);
  expect(tally([], []).active).toBeNaN();
  expect(tallies({ health: [['dead'], ['revived']], zeros: [[1], [0.5]] }).map((t) => t.dead)).toEqual([1, 0]);
});

it('names the state of one filter', () => {
  expect(stateOf('alive', 0.5)).toBe('alive');
  expect(stateOf('alive', 0.001)).toBe('saturated');
  expect(stateOf('at_risk', 0.999)).toBe('at risk');
  expect(stateOf('dead', 1)).toBe('dead');
  expect(stateOf(undefined, null)).toBe('–');
});

it('takes means of all classes that differ by rounding alone for one', () => {
  expect(isConstant([0.1, 0.1000001, 0.0999999], null)).toBe(true);
  expect(isConstant([0, 0, NaN], null)).toBe(true);
  // Small beside the spread between images.
  expect(isConstant([1e-9, -1e-9], 1)).toBe(true);
  expect(isConstant([0.1, 0.101], 1)).toBe(false);
  expect(isConstant([1e-9, 2e-9], null)).toBe(false);
  expect(isConstant([NaN], null)).toBe(false);
});
