import { expect, it } from 'vitest';
import { arrow, cellRows, cellTitle } from './tooltips';

it('says what a cell is', () => {
  expect(cellTitle(['cat', 'dog'], { truth: 0, predicted: 1 })).toBe('cat → dog');
  expect(cellTitle(['cat', 'dog'], { truth: 1, predicted: 1 })).toBe('dog, recognised');
});

it('says how full it is', () => {
  expect(cellRows({ value: 30, was: 40, reference: 'reference', row: 100, column: 60 })).toEqual([
    ['images', '30'],
    ['reference', '40, change −10'],
    ['of true class', '30.0 %'],
    ['of prediction', '50.0 %'],
  ]);
  expect(cellRows({ value: 30, was: 40, reference: 'B', row: 100, column: 60 })[1]).toEqual([
    'B',
    '40, A − B −10',
  ]);
  expect(cellRows({ value: 0, was: null, reference: 'B', row: 0, column: 0 })[1]).toEqual(['B', '–']);
});

it('cuts long names in an arrow', () => {
  expect(arrow('cat', 'dog')).toBe('cat → dog');
  expect(arrow('aquarium_fish', 'pickup_truck')).toBe('aquarium_fi… → pickup_truck');
});
