// Lists of examples that need a look: suspected labels, and images that were learned late or not for good. Pure.
import type { ExampleStats, ExampleStatsSort, LabelIssue } from '../../../api/types';
import { percent } from '../../../base/format';
import type { Table } from '../../../state/exportData';

export const PAGE = 50;

/** The orders on offer, with the heads of their columns; examples that need attention come first. */
export const SORTS = ['forgotten', 'learned', 'flips', 'final_margin'] as const satisfies ExampleStatsSort[];
export type Sort = (typeof SORTS)[number];
export const SORT_WORDS: Record<Sort, { head: string; title: string }> = {
  forgotten: { head: 'forgotten', title: 'Most forgotten first' },
  learned: { head: 'learned', title: 'Never learned, then learned last' },
  flips: { head: 'flips', title: 'Most changes of mind first' },
  final_margin: { head: 'margin', title: 'Most wrong at the last checkpoint first' },
};

export const sortFrom = (text: string): Sort => SORTS.find((one) => one === text) ?? 'forgotten';

/**
 * The reason for a label issue, short enough for a row: the share of late checkpoints that agree, and how seldom the two
 * classes are confused.
 */
export const reasonWords = (one: Pick<LabelIssue, 'agreement' | 'confusion'>): string =>
  `${percent(one.agreement, 0)} agree, pair confused ${percent(one.confusion)}`;

const name = (names: readonly string[], index: number) => names[index] ?? String(index);

export const labelIssuesTable = (
  items: readonly LabelIssue[],
  first: number,
  names: readonly string[],
): Table => ({
  name: `Suspected labels ${first + 1} to ${first + items.length}`,
  head: ['image', 'label', 'network says', 'score', 'doubt', 'agreement', 'confusion', 'reason'],
  rows: items.map((one) => [
    `#${one.id}`,
    name(names, one.label),
    name(names, one.predicted),
    one.score,
    one.doubt,
    one.agreement,
    one.confusion,
    one.reason,
  ]),
});

export const exampleStatsTable = (
  items: readonly ExampleStats[],
  first: number,
  sort: Sort,
  names: readonly string[],
): Table => ({
  name: `By ${SORT_WORDS[sort].head}, ${first + 1} to ${first + items.length}`,
  head: [
    'image',
    'class',
    'predicted at last',
    'learned at',
    'forgotten',
    'flips',
    'right at',
    'final margin',
    'mean margin',
  ],
  rows: items.map((one) => [
    `#${one.id}`,
    name(names, one.true_class),
    name(names, one.predicted),
    one.learned,
    one.forgotten,
    one.flips,
    one.right,
    one.final_margin,
    one.mean_margin,
  ]),
});
