// Pure functions for the lists of examples that need a look: possible label errors (score, doubt, agreement and confusion are
// defined in docs/statistics.md), and images that were learned late or forgotten again.
import type { ExampleStats, ExampleStatsSort, LabelIssue } from '../../../api/types';
import { formatCount, percent } from '../../../base/format';
import type { Table } from '../../../state/exportData';

export const PAGE = 50;

/** The orders on offer, with the heads of their columns; examples that need attention come first. */
export const SORTS = ['forgotten', 'learned', 'flips', 'final_margin'] as const satisfies ExampleStatsSort[];
export type Sort = (typeof SORTS)[number];
export const SORT_WORDS: Record<Sort, { head: string; title: string }> = {
  forgotten: { head: 'forgotten', title: 'Most forgotten first' },
  learned: { head: 'first correct', title: 'Never correct first, then those that became correct last' },
  flips: { head: 'changes', title: 'Most changes of the prediction first' },
  final_margin: { head: 'margin', title: 'Most wrong at the last checkpoint first' },
};

export const sortFrom = (text: string): Sort => SORTS.find((one) => one === text) ?? 'forgotten';

const name = (names: readonly string[], index: number) => names[index] ?? String(index);

/**
 * The reason for a label issue, short enough for a row: at how many of the later checkpoints the other class is
 * predicted, and for what share of the images of the label.
 */
export const reasonWords = (
  one: Pick<LabelIssue, 'agreement' | 'confusion' | 'label' | 'predicted'>,
  names: readonly string[],
): string =>
  `predicted ${name(names, one.predicted)} at ${percent(one.agreement, 0)} of later checkpoints; ${percent(one.confusion)} of ${name(names, one.label)} are`;

export const labelIssuesTable = (
  items: readonly LabelIssue[],
  first: number,
  names: readonly string[],
): Table => ({
  name: `Possible label errors ${formatCount(first + 1)} to ${formatCount(first + items.length)}`,
  head: [
    'image',
    'path',
    'label',
    'final prediction',
    'score',
    'margin against label',
    'agreement',
    'confusion',
    'reason',
  ],
  rows: items.map((one) => [
    `#${one.id}`,
    one.path,
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
  name: `By ${SORT_WORDS[sort].head}, ${formatCount(first + 1)} to ${formatCount(first + items.length)}`,
  head: [
    'image',
    'class',
    'final prediction',
    'first correct at checkpoint',
    'forgotten',
    'prediction changes',
    'correct at checkpoints',
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
