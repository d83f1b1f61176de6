import { expect, test } from 'vitest';
import { classOrder, fitted, matchedOrder, ownOrder } from './order';

test('filters of B stand where the ones of A are that they match', () => {
  const pairs = [
    { a: 2, b: 0, correlation: 0.9, mutual: true },
    { a: 0, b: 3, correlation: 0.5, mutual: false },
  ];
  expect(matchedOrder({ pairs }, 4)).toEqual([3, null, 0, null]);
  expect(ownOrder(3, 2)).toEqual([0, 1, null]);
});

test('outputs stand opposite by the names of their classes', () => {
  expect(classOrder(['cat', 'dog', 'frog'], ['dog', 'cat'])).toEqual([1, 0, null]);
});

test('maps of other sizes fit into the places of A', () => {
  const place = { tileX: 96, tileY: 96 };
  expect(fitted({ width: 32, height: 32 }, place)).toEqual({ width: 96, height: 96 });
  expect(fitted({ width: 28, height: 28 }, place)).toEqual({ width: 84, height: 84 });
  expect(fitted({ width: 128, height: 64 }, place)).toEqual({ width: 96, height: 48 });
});
