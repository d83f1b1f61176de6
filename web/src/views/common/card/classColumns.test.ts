import { expect, test } from 'vitest';
import { classColumns, extremes } from './classColumns';

test('a class deviates by its distance from the mean in spreads', () => {
  const columns = classColumns([3, 1, 2], 2, 0.5);
  expect(columns.map((column) => column.deviation)).toEqual([2, -2, 0]);
  expect(extremes(columns)).toMatchObject({ high: { class_index: 0 }, low: { class_index: 1 } });
});

test('numbers that are missing are left out, a filter without spread has no classes', () => {
  expect(extremes(classColumns([null, 1], 1, 2))?.high.class_index).toBe(1);
  expect(extremes(classColumns([1, 2], 1, null))).toBeNull();
  expect(classColumns([1, 1], 1, 0).map((column) => column.deviation)).toEqual([0, 0]);
});

test('of many classes those that deviate most are shown, in their order', () => {
  const means = Array.from({ length: 100 }, (_, k) => (k === 70 ? 9 : k === 3 ? -9 : k / 1000));
  const columns = classColumns(means, 0, 1);
  expect(columns).toHaveLength(20);
  expect(columns[0].class_index).toBe(3);
  expect(columns.map((column) => column.class_index)).toContain(70);
});
