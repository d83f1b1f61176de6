import { describe, expect, it } from 'vitest';
import {
  caption,
  similarityFrom,
  similarImage,
  nearestTables,
  otherClassColour,
  others,
  type SimilarImages,
  type NearestOutput,
} from './similarImages';

const NAMES = ['cat', 'dog', 'deer'];
const near: NearestOutput[] = [
  { id: 7, true_class: 0, predicted: 0, probability: 0.91, distance: 0.25 },
  { id: 3, true_class: 1, predicted: 0, probability: 0.614, distance: 0.5 },
  { id: 9, true_class: 2, predicted: 2, probability: 1, distance: 12 },
];
const items = near.map((one) => similarImage(one, NAMES));

it('knows the senses of likeness', () => {
  expect(['cell', 'cluster', 'outputs', 'else', ''].map(similarityFrom)).toEqual([
    'cell',
    'cluster',
    'outputs',
    'outputs',
    'outputs',
  ]);
});

describe('an image near to one', () => {
  it('is described by class, prediction and distance', () => {
    expect(items.map((one) => one.say)).toEqual([
      'cat, predicted cat 0.91, 0.25 away',
      'dog, predicted cat 0.61, 0.50 away',
      'deer, predicted deer 1.00, 12.00 away',
    ]);
    expect(caption(items[0], 0)).toBe('#7  cat, predicted cat 0.91, 0.25 away');
    expect(caption(undefined, 0)).toBe('');
  });

  it('is marked where it is of another class, for the eye and in words', () => {
    expect(items.map((one) => otherClassColour(one, 0, 3))).toEqual([null, 'var(--cat-1)', 'var(--cat-2)']);
    expect(caption(items[1], 0)).toBe('#3  another class: dog, predicted cat 0.61, 0.50 away');
    expect(caption(items[1], 1)).toBe('#3  dog, predicted cat 0.61, 0.50 away');
    const unknown = { id: 1, true_class: null, say: '' };
    expect(otherClassColour(unknown, 0, 3)).toBeNull();
    expect(otherClassColour(undefined, 0, 3)).toBeNull();
  });
});

it('counts those of another class', () => {
  expect(others(items, 0, NAMES)).toBe('2 of 3 of another class (underlined), the first in place 2: dog');
  expect(others(items.slice(0, 1), 0, NAMES)).toBe('of its class');
  expect(others([items[0], items[0]], 0, NAMES)).toBe('all 2 of its class');
});

it('has the numbers as a table, of outputs only', () => {
  const base = { image: 1, checkpoint: 4, truth: 0, items };
  const table = nearestTables({ ...base, kind: 'outputs', near }, NAMES)[0];
  expect(table.name).toBe('Nearest in logit space at checkpoint 4');
  expect(table.rows[1]).toEqual([3, 'dog', 'cat', 0.614, 0.5]);
  const cell: SimilarImages = { ...base, kind: 'cell', predicted: 0 };
  expect(nearestTables(cell, NAMES)).toEqual([]);
  expect(nearestTables({ ...base, kind: 'outputs', near: [] }, NAMES)).toEqual([]);
  expect(nearestTables(null, NAMES)).toEqual([]);
});
