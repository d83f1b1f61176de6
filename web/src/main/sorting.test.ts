import { expect, it } from 'vitest';
import { pressed, sorted } from './sorting';

const rows = [
  ['0', 2, null],
  ['1', -3, 1],
  ['2', 2, 5],
  ['10', 7, 1],
];
const firsts = (sorting: Parameters<typeof sorted>[1]) => sorted(rows, sorting).map((row) => row[0]);

it('sorts by numbers, what is missing last, equals as they were', () => {
  expect(firsts(null)).toEqual(['0', '1', '2', '10']);
  expect(firsts({ column: 1, descending: true })).toEqual(['10', '0', '2', '1']);
  expect(firsts({ column: 1, descending: false })).toEqual(['1', '0', '2', '10']);
  expect(firsts({ column: 2, descending: true })).toEqual(['2', '1', '10', '0']);
  expect(firsts({ column: 2, descending: false })).toEqual(['1', '10', '2', '0']);
});

it('sorts numbers in words as numbers, and leaves the table itself alone', () => {
  expect(firsts({ column: 0, descending: true })).toEqual(['10', '2', '1', '0']);
  expect(rows[0][0]).toBe('0');
});

it('turns with every press', () => {
  const first = pressed(null, 1);
  expect(first).toEqual({ column: 1, descending: true });
  const second = pressed(first, 1);
  expect(second).toEqual({ column: 1, descending: false });
  expect(pressed(second, 1)).toBeNull();
  expect(pressed(second, 2)).toEqual({ column: 2, descending: true });
});
