// Images whose prediction changed between two checkpoints, in words. Pure.
import type { PredictionChange, Checkpoint, PredictionChanges, Split } from '../../../api/types';
import type { Table } from '../../../state/exportData';

/** Right now and not then, right then and not now, wrong both times. */
export type ChangeKind = 'gained' | 'lost' | 'wrong';

export const changeKind = (move: Pick<PredictionChange, 'true_class' | 'from' | 'to'>): ChangeKind =>
  move.to === move.true_class ? 'gained' : move.from === move.true_class ? 'lost' : 'wrong';

export interface ChangeFilter {
  /** Null for all. */
  kind: ChangeKind | null;
  /** The selected class: only changes of its images. */
  class_index: number | null;
  /** A cell: only changes that led into it or out of it. */
  cell?: { truth: number; predicted: number } | null;
}

export const filterChanges = (
  all: readonly PredictionChange[],
  { kind, class_index, cell = null }: ChangeFilter,
): PredictionChange[] =>
  all.filter(
    (move) =>
      (kind === null || changeKind(move) === kind) &&
      (class_index === null || move.true_class === class_index) &&
      (cell === null ||
        (move.true_class === cell.truth && (move.from === cell.predicted || move.to === cell.predicted))),
  );

/** Images by kind, of all moves or of those of one class. */
export function kindCounts(
  all: readonly PredictionChange[],
  class_index: number | null,
): Record<ChangeKind | 'all', number> {
  const counts = { all: 0, gained: 0, lost: 0, wrong: 0 };
  for (const move of filterChanges(all, { kind: null, class_index })) {
    counts.all += move.count;
    counts[changeKind(move)] += move.count;
  }
  return counts;
}

/** `3-5-3` in the address: true class, from, to. */
export const changeKey = (move: Pick<PredictionChange, 'true_class' | 'from' | 'to'>): string =>
  `${move.true_class}-${move.from}-${move.to}`;

const withStatistics = (points: readonly Checkpoint[], split: Split) =>
  points.filter((one) => !one.problem && one.statistics[split] === 'ready').map((one) => one.index);

/**
 * The checkpoint that a choice means: `previous` is the last one with statistics before `to`, `before` the reference, a
 * number itself. Null where there is none.
 */
export function sinceCheckpoint(
  choice: string,
  at: { to: number; before: number; split: Split },
  points: readonly Checkpoint[],
): number | null {
  const known = withStatistics(points, at.split);
  if (choice === 'previous') return known.findLast((index) => index < at.to) ?? null;
  const wanted = choice === 'before' ? at.before : /^\d{1,9}$/.test(choice) ? Number(choice) : -1;
  return known.includes(wanted) ? wanted : null;
}

/** The kinds of changes, in a word or two. */
export type ChangeWords = Record<ChangeKind, string>;
const CHANGE_WORDS: ChangeWords = { gained: 'gained', lost: 'lost', wrong: 'still wrong' };
/** The changes from B to A. */
const TWO_RUNS_WORDS: ChangeWords = { gained: 'A right', lost: 'B right', wrong: 'both wrong' };
export const changeWords = (isFromB: boolean): ChangeWords => (isFromB ? TWO_RUNS_WORDS : CHANGE_WORDS);

/** The two ends of a change: `at 3`, `by B at 3`. */
export const endsOf = ({ from, to }: Pick<PredictionChanges, 'from' | 'to'>, isFromB: boolean) => ({
  from: isFromB ? `by B at ${from}` : `at ${from}`,
  to: isFromB ? `by A at ${to}` : `at ${to}`,
});

export const changesTable = (answer: PredictionChanges, names: readonly string[], isFromB = false): Table => ({
  name: isFromB
    ? `Predictions of B at ${answer.from} and A at ${answer.to}`
    : `Moves ${answer.from} to ${answer.to}`,
  head: [
    'true class',
    `predicted ${endsOf(answer, isFromB).from}`,
    `predicted ${endsOf(answer, isFromB).to}`,
    'images',
    'right',
  ],
  rows: answer.moves.map((move) => [
    names[move.true_class] ?? String(move.true_class),
    names[move.from] ?? String(move.from),
    names[move.to] ?? String(move.to),
    move.count,
    changeWords(isFromB)[changeKind(move)],
  ]),
});
