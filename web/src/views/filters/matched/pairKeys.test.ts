import { expect, test } from 'vitest';
import { pairStep, tileIn, type PairTile } from './pairKeys';

const PAIRS = Array.from({ length: 5 }, (_, n) => ({ a: n, b: 9 - n }));
const ALONE = [7, 8, 9].map((b) => ({ a: null, b }));
const step = (n: number, of: PairTile['of'], key: string) => pairStep(PAIRS, 3, { n, of }, key);

test('across, the side stays', () => {
  expect(step(1, 'b', 'ArrowRight')).toEqual({ n: 2, of: 'b' });
  expect(step(0, 'a', 'ArrowLeft')).toEqual({ n: 0, of: 'a' });
  expect(step(1, 'b', 'End')).toEqual({ n: 4, of: 'b' });
});

test('down goes from A to B, and on to A of the next row', () => {
  expect(step(1, 'a', 'ArrowDown')).toEqual({ n: 1, of: 'b' });
  expect(step(1, 'b', 'ArrowDown')).toEqual({ n: 4, of: 'a' });
  expect(step(4, 'a', 'ArrowUp')).toEqual({ n: 1, of: 'b' });
  expect(step(1, 'b', 'ArrowUp')).toEqual({ n: 1, of: 'a' });
});

test('at the edges nothing moves', () => {
  expect(step(0, 'a', 'ArrowUp')).toEqual({ n: 0, of: 'a' });
  expect(step(4, 'b', 'ArrowDown')).toEqual({ n: 4, of: 'b' });
  expect(step(0, 'a', 'x')).toBeNull();
});

test('filters of one run alone have one side', () => {
  expect(tileIn(ALONE, 0, 'a')).toEqual({ n: 0, of: 'b' });
  expect(pairStep(ALONE, 2, { n: 0, of: 'b' }, 'ArrowDown')).toEqual({ n: 2, of: 'b' });
  expect(pairStep(ALONE, 2, { n: 2, of: 'b' }, 'ArrowUp')).toEqual({ n: 0, of: 'b' });
});
