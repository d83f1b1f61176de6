// Two classes and what is confused between them, either way. Pure.
import { fixed, percent, plural } from '../../../base/format';
import { cellHistory, type Cell, type Counts, type Series } from './data';
import { changeOfMeans, mean, windowsAtEnds } from '../../common/windows';

export const mirrorOf = ({ truth, predicted }: Cell): Cell => ({ truth: predicted, predicted: truth });

export const isPair = ({ truth, predicted }: Cell): boolean => truth !== predicted;

/** Images of one class. */
function rowSum(counts: Counts, classes: number, row: number): number {
  let sum = 0;
  for (let j = 0; j < classes; j++) sum += counts[row * classes + j];
  return sum;
}

/** Images of both classes of a pair. */
export const imagesOfPair = (counts: Counts, classes: number, { truth, predicted }: Cell): number =>
  rowSum(counts, classes, truth) + rowSum(counts, classes, predicted);

/** Images of either class predicted as the other, at every checkpoint. */
export function mixedUp(series: Series, cell: Cell): number[] {
  const back = cellHistory(series, mirrorOf(cell));
  return cellHistory(series, cell).map((value, n) => value + back[n]);
}

/** Share of the images whose predicted class is wrong. */
export function errorOf(counts: Counts, classes: number): number {
  let [all, right] = [0, 0];
  for (let i = 0; i < classes; i++) {
    all += rowSum(counts, classes, i);
    right += counts[i * classes + i];
  }
  return all ? 1 - right / all : Number.NaN;
}

export interface PairSummary {
  /** Checkpoints in each mean. */
  checkpoints: number;
  /** Indices in the series of the first and of the last ones. */
  first: number[];
  last: number[];
  /** Mean share of the images of both classes that were mixed up. */
  early: number;
  late: number;
  beyondNoise: boolean;
  /** Mean error over the same checkpoints. */
  errorEarly: number;
  errorLate: number;
}

/** What became of a pair between the first and the last checkpoints; null for a run too short for means. */
export function pairSummary(series: Series, cell: Cell, beginsUntrained: boolean): PairSummary | null {
  const ends = windowsAtEnds(series.checkpoints, beginsUntrained);
  if (!ends || !isPair(cell)) return null;
  const mixed = mixedUp(series, cell);
  const countsAt = (indices: number[]) => indices.map((n) => mixed[n]);
  const shares = (indices: number[]) =>
    mean(indices.map((n) => mixed[n] / (imagesOfPair(series.counts[n], series.classes, cell) || 1)));
  const error = (indices: number[]) => mean(indices.map((n) => errorOf(series.counts[n], series.classes)));
  return {
    checkpoints: ends.first.length,
    ...ends,
    early: shares(ends.first),
    late: shares(ends.last),
    beyondNoise: changeOfMeans(countsAt(ends.first), countsAt(ends.last)).beyondNoise,
    errorEarly: error(ends.first),
    errorLate: error(ends.last),
  };
}

export interface PairSentence {
  /** `21 %`, `around epoch 0.6`, `18 %`, `at the end`. */
  early: string;
  when: string;
  late: string;
  end: string;
  /** What follows: the noise, the error. */
  change: string;
  error: string;
  /** How many checkpoints the means are of. */
  evidence: string;
}

/** The words and numbers of a summary; `epochs` of the checkpoints of the series. */
export function pairSentence(
  summary: PairSummary,
  { epochs, split, live }: { epochs: readonly number[]; split: string; live: boolean },
): PairSentence {
  const { errorEarly: was, errorLate: is } = summary;
  const epoch = mean(summary.first.map((n) => epochs[n]));
  const [from, to] = [percent(was, 0), percent(is, 0)];
  const moved = is <= was ? 'fell' : 'rose';
  return {
    early: percent(summary.early, 0),
    when: `around epoch ${fixed(epoch, epoch < 10 ? 1 : 0)}`,
    late: percent(summary.late, 0),
    end: live ? 'at the latest' : 'at the end',
    change: summary.beyondNoise ? '' : ', a change within the noise',
    error:
      from === to
        ? `The ${split} error stayed at ${to}.`
        : `The ${split} error ${moved} by ${percent(Math.abs(was - is) / was, 0)}, from ${from} to ${to}.`,
    evidence: `Means of ${plural(summary.checkpoints, 'checkpoint')} each.`,
  };
}

/**
 * Places of labels beside the ends of lines, `gap` apart at least and between `top` and `bottom`, in the order of the
 * lines; as near to them as that allows.
 */
export function spreadLabels(ends: readonly number[], gap: number, top: number, bottom: number): number[] {
  const order = ends.map((_, n) => n).sort((a, b) => ends[a] - ends[b] || a - b);
  const places = order.map((n) => ends[n]);
  // Those that would overlap stand side by side around their middle.
  const groups: { sum: number; members: number }[] = [];
  const middle = (group: { sum: number; members: number }) => group.sum / group.members;
  const half = (group: { members: number }) => (gap * (group.members - 1)) / 2;
  for (const place of places) {
    groups.push({ sum: place, members: 1 });
    while (groups.length > 1) {
      const [a, b] = [groups[groups.length - 2], groups[groups.length - 1]];
      if (middle(b) - half(b) - (middle(a) + half(a)) >= gap) break;
      groups.splice(-2, 2, { sum: a.sum + b.sum, members: a.members + b.members });
    }
  }
  const spread = groups.flatMap((group) =>
    Array.from({ length: group.members }, (_, n) => middle(group) - half(group) + n * gap),
  );
  for (let n = 0; n < spread.length; n++) spread[n] = Math.max(spread[n], top + n * gap);
  for (let n = spread.length - 1, k = 0; n >= 0; n--, k++) spread[n] = Math.min(spread[n], bottom - k * gap);
  const out = new Array<number>(ends.length);
  order.forEach((n, at) => (out[n] = spread[at]));
  return out;
}
