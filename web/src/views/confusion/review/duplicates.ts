// Near-duplicates of test images among the training images: in words and as a table. Pure.
import type { DuplicatePair } from '../../../api/types';
import { fixed } from '../../../base/format';
import type { Table } from '../../../state/exportData';

/** Pairs of a page. */
export const PAIRS = 60;

/** How the training image becomes the test image, and what is left between them. */
export function howAlike({ shift: [dx, dy], mirrored, difference }: DuplicatePair): string {
  const moved = dx !== 0 || dy !== 0 ? [`moved by ${dx}, ${dy}`] : [];
  const turned = mirrored ? ['mirrored'] : [];
  return [...turned, ...moved, `${fixed(difference, 1)} of 255 apart`].join(', ');
}

export const duplicatesTable = (items: readonly DuplicatePair[], names: readonly string[]): Table => ({
  name: 'Near-duplicates across splits',
  head: [
    'test image',
    'test path',
    'test label',
    'training image',
    'training path',
    'training label',
    'similarity',
    'difference',
    'columns moved',
    'rows moved',
    'mirrored',
  ],
  rows: items.map(({ test, train, similarity, difference, shift, mirrored }) => [
    test.id,
    test.path,
    names[test.label] ?? String(test.label),
    train.id,
    train.path,
    names[train.label] ?? String(train.label),
    similarity,
    difference,
    shift[0],
    shift[1],
    mirrored ? 'yes' : 'no',
  ]),
});
