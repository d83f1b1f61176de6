/** Bar chart of the class probabilities of the selected image. Axis and order never change with the checkpoint. */
import { fixed } from '../../base/format';

export interface ClassBar {
  name: string;
  /** The probability at the checkpoint. */
  now: number;
  /** The probability that it is compared with, a tick in the bar: at the reference, for example. Negative for none. */
  tick: number;
  value: string;
  best: boolean;
}

export function bars(input: {
  classes: readonly string[];
  shown: readonly number[];
  now: readonly number[] | null;
  tick: readonly number[] | null;
}): ClassBar[] {
  const { classes, shown, now, tick } = input;
  const best = now ? Math.max(...now) : Number.POSITIVE_INFINITY;
  return shown.map((k) => ({
    name: classes[k],
    now: now?.[k] ?? 0,
    tick: tick?.[k] ?? -1,
    value: now ? fixed(now[k], 3) : '',
    best: now !== null && now[k] === best,
  }));
}

export const ROW = 18;

/** Start of the bars and length of the longest, in CSS pixels, for the width of the chart. */
export const FROM = 84;
export const length = (probability: number, width: number): number =>
  Math.round(probability * (width - 42 - FROM));
