// The history of a cell in the second run, aligned with the checkpoints of the open one. Pure.
import type { ClockAnswer } from '../../../api/types';
import { onClock } from '../../../state/pairing';
import { cellHistory, type Cell, type Series } from './data';
import { isPair, mixedUp } from './pair';

export interface HistoryOfB {
  /** For each checkpoint of A: B's count, and the checkpoint of B that it is of; NaN and -1 where there is none. */
  values: number[];
  checkpoints: number[];
}

/** For a pair, both directions together. Classes are matched by name; null where B does not have them. */
export function historyOnClock(
  series: Series,
  { truth, predicted }: Cell,
  of: {
    a: readonly string[];
    b: readonly string[];
    clock: Pick<ClockAnswer, 'pairs' | 'missing' | 'by'> | null;
    checkpoints: readonly number[];
  },
): HistoryOfB | null {
  const [row, column] = [truth, predicted].map((index) => of.b.indexOf(of.a[index]));
  if (row < 0 || column < 0) return null;
  const cell = { truth: row, predicted: column };
  const counts = isPair(cell) ? mixedUp(series, cell) : cellHistory(series, cell);
  const places = onClock(of.clock, of.checkpoints, series.checkpoints);
  return {
    values: places.map((n) => counts[n] ?? Number.NaN),
    checkpoints: places.map((n) => series.checkpoints[n] ?? -1),
  };
}
