/**
 * The classes that a filter responds to: each class's mean against the mean of all, in spreads (standard deviations) between
 * images. Pure.
 */

/** Below this many spreads no class is named. */
export const NOTHING_BELOW = 0.2;
/** Columns that fit side by side. */
const MAX_COLUMNS = 20;

export interface ClassColumn {
  class_index: number;
  /** (mean of the class - mean of all) / spread between images; NaN where one of them is not a number. */
  deviation: number;
}

/** One column a class in the order of the classes; of many classes those that deviate most, in the same order. */
export function classColumns(
  means: readonly (number | null)[],
  mean: number | null,
  spread: number | null,
): ClassColumn[] {
  const all = means.map((of, class_index) => ({
    class_index,
    // Without any spread between images no class differs.
    deviation: of === null || mean === null || spread === null ? NaN : spread > 0 ? (of - mean) / spread : 0,
  }));
  if (all.length <= MAX_COLUMNS) return all;
  const size = ({ deviation }: ClassColumn) => (Number.isFinite(deviation) ? Math.abs(deviation) : -1);
  return [...all]
    .sort((a, b) => size(b) - size(a))
    .slice(0, MAX_COLUMNS)
    .sort((a, b) => a.class_index - b.class_index);
}

/** The columns with the greatest and the least deviation; null where there are no numbers. */
export function extremes(columns: readonly ClassColumn[]): { high: ClassColumn; low: ClassColumn } | null {
  const known = columns.filter(({ deviation }) => Number.isFinite(deviation));
  if (known.length === 0) return null;
  return {
    high: known.reduce((best, one) => (one.deviation > best.deviation ? one : best)),
    low: known.reduce((best, one) => (one.deviation < best.deviation ? one : best)),
  };
}
