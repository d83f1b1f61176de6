import { expect, it } from 'vitest';
import type { ComparedErrors } from '../../../api/types';
import {
  cellRows,
  cellWords,
  comparedTables,
  markedCells,
  matrixOf,
  probabilityText,
  shadePlace,
  verdict,
} from './compared';

const cell = (at: [number, number], only_a: number, only_b: number, p: number, significant = false) => ({
  true_class: at[0],
  predicted: at[1],
  only_a,
  only_b,
  p,
  significant,
});
const found: ComparedErrors = {
  checkpoint: 5,
  b: { run: 'b', checkpoint: 4 },
  split: 'test',
  images: 200,
  classes: ['cat', 'dog'],
  both: 150,
  only_a: 30,
  only_b: 5,
  neither: 15,
  p: 0.00001,
  error: [0.1, 0.225],
  difference_interval: [-0.18, -0.07],
  counts: {
    a: [
      [95, 5],
      [15, 85],
    ],
    b: [
      [80, 20],
      [25, 75],
    ],
  },
  cells: [cell([0, 0], 20, 5, 0.004, true), cell([0, 1], 5, 20, 0.004, true), cell([1, 1], 12, 2, 0.02)],
};

it('colours only what is more than noise', () => {
  const matrix = matrixOf(found);
  expect(matrix.difference).toEqual([15, -15, -10, 10]);
  expect(matrix.limit).toEqual({ difference: 12, count: 25 });
  expect([0, 1, 2, 3].map((at) => shadePlace(matrix, at))).toEqual([1, 0, null, null]);
  expect(matrix.marked).toBe(2);
  expect(markedCells(matrix)[0]).toEqual({ truth: 0, predicted: 0, difference: 15 });
});

it('says which run makes fewer errors, and when it cannot be said', () => {
  expect(verdict(found)).toBe(
    'Test error 10.00 % and 22.50 %: A makes fewer errors (−12.50 points, 95 % interval −18.00 to −7.00, p < 0.0001).',
  );
  expect(verdict({ ...found, p: 0.3 })).toContain('no more than noise apart');
  expect(verdict({ ...found, only_a: 0, only_b: 0, p: 1 })).toContain('the same images');
});

it('names a cell by both counts', () => {
  expect(cellWords(found.classes, found, { truth: 0, predicted: 1 })).toBe(
    'cat → dog: A 5, B 20, difference −15, more than noise',
  );
  expect(cellRows(found, { truth: 1, predicted: 1 })).toEqual([
    ['A', '85'],
    ['B', '75'],
    ['in A only', '12 images'],
    ['in B only', '2 images'],
    ['p', '0.02, within noise'],
  ]);
  expect(cellRows(found, { truth: 1, predicted: 0 })[4]).toEqual(['p', '1.00, within noise']);
  expect([0.5, 0.004, 0.0004, 1e-9].map(probabilityText)).toEqual(['0.50', '0.004', '0.0004', '< 0.0001']);
});

it('has all of it in tables', () => {
  const [difference, cells, parts] = comparedTables(found);
  expect(difference.rows[0]).toEqual(['cat', 15, -15]);
  expect(cells.rows).toHaveLength(3);
  expect(cells.rows[1]).toEqual(['cat', 'dog', 5, 20, -15, 5, 20, 0.004, 'yes']);
  expect(parts.rows.map((row) => row[1])).toEqual([150, 30, 5, 15]);
});
