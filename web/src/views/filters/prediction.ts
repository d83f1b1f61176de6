/** The histogram of predicted classes. Axis and order never change with the checkpoint. */
import { fixed } from '../../base/format';

export interface HistogramBar {
  name: string;
  now: number;
  /** Negative when there is none to show. */
  before: number;
  value: string;
  best: boolean;
}

export function bars(input: {
  classes: readonly string[];
  shown: readonly number[];
  now: readonly number[] | null;
  before: readonly number[] | null;
}): HistogramBar[] {
  const { classes, shown, now, before } = input;
  const best = now ? Math.max(...now) : Number.POSITIVE_INFINITY;
  return shown.map((k) => ({
    name: classes[k],
    now: now?.[k] ?? 0,
    before: before?.[k] ?? -1,
    value: now ? fixed(now[k], 3) : '',
    best: now !== null && now[k] === best,
  }));
}

export const ROW = 18;

/** Start of the bars and length of the longest, in CSS pixels, for the width of the chart. */
export const FROM = 84;
export const length = (share: number, width: number): number => Math.round(share * (width - 42 - FROM));
