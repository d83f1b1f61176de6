import { describe, expect, it } from 'vitest';
import { blocksInSight, classesShown, didYouMean, distance, flips } from './search';

const classes = ['airplane', 'automobile', 'bird', 'cat', 'dog', 'truck'];

describe('search', () => {
  it('guesses slips of the hand', () => {
    expect(didYouMean('dgo', classes)).toBe('dog');
    expect(didYouMean('airplan', classes)).toBe('airplane');
    expect(didYouMean('zebra', classes)).toBeNull();
    expect(didYouMean('d', classes)).toBeNull();
    expect(distance('cat', 'cart')).toBe(1);
  });
  it('renders only the visible blocks', () => {
    expect(blocksInSight(0, 270, 272, 100)).toEqual([0, 1]);
    expect(blocksInSight(2720, 270, 272, 100)).toEqual([9, 10, 11]);
    expect(blocksInSight(0, 270, 272, 1)).toEqual([0]);
    expect(blocksInSight(0, 270, 272, 0)).toEqual([]);
  });
});

describe('predictions', () => {
  it('counts changes of mind', () => {
    expect(flips([1, 1, 2, 1, 1])).toEqual({ changes: 2, steps: 4 });
    expect(flips([])).toEqual({ changes: 0, steps: 0 });
  });
  it('keeps the classes of the bar chart in one order', () => {
    expect(classesShown([], null, 3, 10)).toEqual([0, 1, 2]);
    const rows = [
      [0.1, 0.5, 0, 0.4],
      [0.2, 0.1, 0, 0.7],
    ];
    expect(classesShown(rows, 2, 4, 3)).toEqual([1, 2, 3]);
    expect(classesShown(rows, 3, 4, 2)).toEqual([1, 3]);
  });
});
