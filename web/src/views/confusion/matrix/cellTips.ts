// Tooltips and labels of the matrix's positions: a cell of two classes, or a block of several folded together.
import { formatCount } from '../../../base/format';
import { showTip } from '../../common/tip.svelte';
import type { Cell, Counts } from './data';
import type { ClassGroups } from './order';
import { cellRows, cellTitle, type CellFacts } from './tooltips';

export interface CellTips {
  names: readonly string[];
  view: ClassGroups;
  /** Counts by class at the playhead and at the reference; null where they are not known. */
  now: Counts | null;
  before: Counts | null;
  /** How the reference is called. */
  reference: string;
  /** Counts of the view's positions. */
  grouped: Counts | null;
  /** Sums of the counts by true and by predicted class. */
  rows: readonly number[];
  columns: readonly number[];
}

/** The classes of a position; null for a block of several. */
function cellAt({ view }: CellTips, position: Cell): Cell | null {
  const [truth, predicted] = [view.groups[position.truth], view.groups[position.predicted]];
  return truth.length === 1 && predicted.length === 1 ? { truth: truth[0], predicted: predicted[0] } : null;
}

const blockTitle = ({ view }: CellTips, position: Cell): string =>
  `${view.names[position.truth]} → ${view.names[position.predicted]}`;

const blockCount = ({ view, grouped }: CellTips, position: Cell): number =>
  grouped?.[position.truth * view.groups.length + position.predicted] ?? 0;

const countOf = ({ names }: CellTips, counts: Counts | null, cell: Cell): number =>
  counts?.[cell.truth * names.length + cell.predicted] ?? 0;

/** `cat → dog: 12 of 100`. */
export function describeCell(tips: CellTips, position: Cell): string {
  const cell = cellAt(tips, position);
  if (!cell) return `${blockTitle(tips, position)}: ${formatCount(blockCount(tips, position))}`;
  const total = formatCount(tips.rows[cell.truth] ?? 0);
  return `${cellTitle(tips.names, cell)}: ${formatCount(countOf(tips, tips.now, cell))} of ${total}`;
}

/** The numbers of a cell, with those before where they are known. */
export const cellFacts = (tips: CellTips, cell: Cell): CellFacts => ({
  value: countOf(tips, tips.now, cell),
  was: tips.before ? countOf(tips, tips.before, cell) : null,
  reference: tips.reference,
  row: tips.rows[cell.truth] ?? 0,
  column: tips.columns[cell.predicted] ?? 0,
});

export function showCellTip(tips: CellTips, position: Cell, event: PointerEvent): void {
  const cell = cellAt(tips, position);
  if (!cell) {
    const images = formatCount(blockCount(tips, position));
    showTip(event, blockTitle(tips, position), [['images', images], 'a click unfolds them']);
    return;
  }
  showTip(event, cellTitle(tips.names, cell), cellRows(cellFacts(tips, cell)));
}
