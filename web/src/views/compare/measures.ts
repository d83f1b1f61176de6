// What the filters are chosen by: norm, change, class selectivity. Pure.

/** What the filters are chosen by, where they are not listed. */
export type ChosenBy = 'norm' | 'change' | 'selective';
export const CHOSEN_BY: { value: ChosenBy; label: string; title: string }[] = [
  { value: 'norm', label: 'largest norm', title: 'largest norm of the weights at the last checkpoint' },
  {
    value: 'change',
    label: 'most changed',
    title:
      'largest change of the weights from the first checkpoint to the last, against their size at the first',
  },
  {
    value: 'selective',
    label: 'most selective',
    title:
      'largest class selectivity at the last checkpoint: the greatest mean activation of a class against the mean of the others',
  },
];
export const parseChosenBy = (text: string): ChosenBy =>
  CHOSEN_BY.find(({ value }) => value === text)?.value ?? 'norm';

/** For each filter, the norm of its change relative to its norm `then`. `each` is the number of values per filter. */
export function relativeChanges(now: Float32Array, then: Float32Array, each: number): number[] {
  return Array.from({ length: Math.floor(Math.min(now.length, then.length) / each) }, (_, k) => {
    let [moved, size] = [0, 0];
    for (let i = k * each; i < (k + 1) * each; i += 1) {
      moved += (now[i] - then[i]) ** 2;
      size += then[i] ** 2;
    }
    return moved === 0 ? 0 : Math.sqrt(moved / size);
  });
}

/**
 * The class selectivity index of a filter, by its mean activation for each class: (m - r) / (m + r), m the greatest mean,
 * r the mean of the others. Means below zero count as zero; NaN where it is not defined.
 */
export function selectivity(means: readonly (number | null)[]): number {
  const known = means.filter((one): one is number => one !== null && Number.isFinite(one));
  if (known.length < 2) return Number.NaN;
  const rectified = known.map((one) => Math.max(0, one));
  const max = Math.max(...rectified);
  const rest = (rectified.reduce((sum, one) => sum + one, 0) - max) / (rectified.length - 1);
  return max + rest > 0 ? (max - rest) / (max + rest) : Number.NaN;
}
