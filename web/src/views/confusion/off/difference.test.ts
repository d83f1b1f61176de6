import { expect, it } from 'vitest';
import type { AblatedConfusion } from '../../../api/types';
import { groupClasses } from '../matrix/order';
import { differenceOf, differenceTables, greatest, shadePlace } from './difference';

const found: AblatedConfusion = {
  checkpoint: 3,
  split: 'test',
  images: 400,
  off: [{ layer: 'fc', filter: 2 }],
  base_error: 0.25,
  error: 0.35,
  base_counts: [
    [150, 50],
    [50, 150],
  ],
  counts: [
    [110, 90],
    [49, 151],
  ],
};
const names = ['cat', 'dog'];

it('is what is more and less', () => {
  const plain = groupClasses(names, [0, 1], null, 20);
  const difference = differenceOf(found, 2, plain);
  expect([...difference.change]).toEqual([-40, 40, -1, 1]);
  expect(difference.limit).toBe(40);
  expect(shadePlace(40, difference)).toBe(1);
  expect(shadePlace(-80, difference)).toBe(0);
  expect(shadePlace(1, difference)).toBeNull();
  expect(greatest(difference, 2, 5)).toEqual([
    { truth: 0, predicted: 0, change: -40 },
    { truth: 0, predicted: 1, change: 40 },
  ]);
});

it('follows the order of the classes', () => {
  const turned = groupClasses(names, [1, 0], null, 20);
  expect([...differenceOf(found, 2, turned).change]).toEqual([1, -1, 40, -40]);
});

it('is a table', () => {
  const [change, recall] = differenceTables(found, names);
  expect(change.rows).toEqual([
    ['cat', -40, 40],
    ['dog', -1, 1],
  ]);
  expect(recall.rows[0]).toEqual(['cat', 110, 150, 0.55, 0.75]);
});
