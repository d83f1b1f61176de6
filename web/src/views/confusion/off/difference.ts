// What units that are switched off do to the confusion: differences of counts, and their shades. Pure.
import type { AblatedConfusion } from '../../../api/types';
import { formatCount } from '../../../base/format';
import type { Table } from '../../../state/exportData';
import { recalls } from '../matrix/data';
import { groupCounts, type ClassGroups } from '../matrix/order';

/** The full colour is for this share of the images of a class. */
const FULL = 0.2;
/** Below this share a difference has no colour. */
const SMALL = 0.008;

export interface Difference {
  /** Classes, or groups of classes, in their order: counts as the network is, with units off, and their difference. */
  base: ArrayLike<number>;
  off: ArrayLike<number>;
  change: Float64Array;
  /** The difference that has the full colour, the same at every checkpoint. */
  limit: number;
  /** Differences that are smaller have none. */
  min: number;
}

export function differenceOf(found: AblatedConfusion, classes: number, view: ClassGroups): Difference {
  const base = groupCounts(found.base_counts.flat(), classes, view);
  const off = groupCounts(found.counts.flat(), classes, view);
  const each = found.images / Math.max(1, classes);
  return {
    base,
    off,
    change: Float64Array.from(off, (value, at) => value - base[at]),
    limit: Math.max(1, Math.round(FULL * each)),
    min: Math.max(2, SMALL * each),
  };
}

/** Where a difference lies on a ramp from 0 to 1 whose middle is zero; null where it is too small for a colour. */
export const shadePlace = (change: number, { limit, min }: Pick<Difference, 'limit' | 'min'>) =>
  Math.abs(change) < min ? null : 0.5 + 0.5 * Math.max(-1, Math.min(1, change / limit));

const sorted = (found: Difference, size: number) =>
  [...found.change]
    .map((change, at) => ({ truth: Math.floor(at / size), predicted: at % size, change }))
    .filter(({ change }) => Math.abs(change) >= found.min)
    .sort((a, b) => Math.abs(b.change) - Math.abs(a.change));

/** The greatest differences, for more classes than have cells with numbers. */
export const greatest = (found: Difference, size: number, max: number) => sorted(found, size).slice(0, max);

/** The differences as tables. */
export function differenceTables(found: AblatedConfusion, names: readonly string[]): Table[] {
  const n = names.length;
  const [base, off] = [found.base_counts.flat(), found.counts.flat()];
  const [before, after] = [recalls(base, n), recalls(off, n)];
  const units = found.off.map(({ layer, filter }) => `${layer} ${filter}`).join(', ');
  return [
    {
      name: `Change without ${units}`,
      head: [`true \\ predicted, ${formatCount(found.images)} ${found.split} images`, ...names],
      rows: names.map((name, i) => [name, ...names.map((_, j) => off[i * n + j] - base[i * n + j])]),
    },
    {
      name: `Recall without ${units}`,
      head: ['class', 'correct', 'correct, all on', 'recall', 'recall, all on'],
      rows: names.map((name, i) => [
        name,
        off[i * n + i],
        base[i * n + i],
        after[i] ?? null,
        before[i] ?? null,
      ]),
    },
  ];
}
