import { expect, it } from 'vitest';
import type { ComparedImage } from '../../../api/types';
import { changesOf } from './changesFromB';

const image = (id: number, true_class: number, b: number, a: number): ComparedImage => ({
  id,
  true_class,
  a: { predicted: a, margin: 0.5 },
  b: { predicted: b, margin: -0.5 },
});

it('goes from what B predicts to what A predicts, the largest change first', () => {
  const items = [image(7, 0, 0, 1), image(9, 0, 1, 0), image(4, 0, 1, 0), image(5, 0, 1, 0), image(6, 2, 1, 0)];
  const found = changesOf(items, { from: 3, to: 8, split: 'test', images: 5 }, 2);
  expect(found).toMatchObject({ from: 3, to: 8, images: 5, learned: 3, forgotten: 1 });
  expect(found.moves).toEqual([
    { true_class: 0, from: 1, to: 0, count: 3, images: [9, 4] },
    { true_class: 0, from: 0, to: 1, count: 1, images: [7] },
    { true_class: 2, from: 1, to: 0, count: 1, images: [6] },
  ]);
});
