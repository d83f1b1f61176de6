import { expect, it } from 'vitest';
import { matchWords, type Matching } from './match';

const found: Matching = {
  layer: 'conv1',
  b_layer: 'stem',
  silent: [[3], []],
  pairs: [
    { a: 0, b: 2, correlation: 0.834, mutual: true },
    { a: 1, b: 0, correlation: 0.5, mutual: false },
  ],
  unmatched: {
    a: [
      { unit: 3, nearest: null, correlation: 0 },
      { unit: 4, nearest: 2, correlation: 0.2 },
    ],
    b: [{ unit: 1, nearest: null, correlation: 0 }],
  },
};
const ofA = (filter: number) => matchWords(found, { layer: 'conv1', filter }, 'a');

it('says what a filter matches in the other run', () => {
  expect(ofA(0)).toBe('matches B’s stem 2, r 0.83');
  expect(ofA(1)).toBe('matches B’s stem 0, r 0.50, not each other’s best');
  expect(matchWords(found, { layer: 'stem', filter: 2 }, 'b')).toBe('matches A’s conv1 0, r 0.83');
});

it('says why it matches none', () => {
  expect(ofA(3)).toBe('constant over the images: matches none of B');
  expect(ofA(4)).toBe('matches none of B; nearest stem 2, r 0.20');
  expect(matchWords(found, { layer: 'stem', filter: 1 }, 'b')).toBe('matches none of A');
});

it('says nothing of filters of other layers', () => {
  expect(matchWords(found, { layer: 'conv2', filter: 0 }, 'a')).toBe('');
  expect(matchWords(null, { layer: 'conv1', filter: 0 }, 'a')).toBe('');
});
