import { expect, it } from 'vitest';
import { duplicatesTable, howAlike } from './duplicates';

const pair = {
  test: { id: 60, path: 'test/cat/1.png', label: 0 },
  train: { id: 4, path: 'train/dog/9.png', label: 1 },
  similarity: 0.98,
  difference: 3.25,
  shift: [0, 0],
  mirrored: false,
};

it('says how a pair is alike', () => {
  expect(howAlike(pair)).toBe('3.3 of 255 apart');
  expect(howAlike({ ...pair, shift: [-2, 1], mirrored: true })).toBe(
    'mirrored, moved by -2, 1, 3.3 of 255 apart',
  );
});

it('has the pairs as a table', () => {
  const { head, rows } = duplicatesTable([pair], ['cat', 'dog']);
  expect(rows).toEqual([[60, 'test/cat/1.png', 'cat', 4, 'train/dog/9.png', 'dog', 0.98, 3.25, 0, 0, 'no']]);
  expect(rows[0]).toHaveLength(head.length);
});
