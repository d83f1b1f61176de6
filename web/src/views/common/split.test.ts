import { expect, it } from 'vitest';
import { isEmptySplit, noSplit } from './split';

it('distinguishes a split without images from one without statistics', () => {
  expect(isEmptySplit({ images: 300, train: 300, test: 0 }, 'test')).toBe(true);
  expect(isEmptySplit({ images: 300, train: 300, test: 0 }, 'train')).toBe(false);
  expect(isEmptySplit({ images: 300, train: 250, test: 50 }, 'test')).toBe(false);
  // A corpus that was not found says nothing of its splits.
  expect(isEmptySplit({ images: 0, train: 0, test: 0 }, 'test')).toBe(false);
  expect(isEmptySplit(undefined, 'test')).toBe(false);
  expect(noSplit('test')).toBe('this corpus has no test split');
});
