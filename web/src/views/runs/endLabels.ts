// Names at the ends of curves: their positions, and the width that they need right of the plot. Pure.
import type { Curve, Scales } from './curves';

/** Up to this number all curves are named at their ends; of more curves only the picked ones. */
export const MAX_NAMED = 8;
/** Width of a letter as a share of the font size, for names with many digits. */
const LETTER_EM = 0.6;
/** The share of the width that the plot has at least, however long the names are. */
const MIN_PLOT = 0.62;

/** The runs whose curves are named. */
export function namedRuns(picked: readonly string[], curved: readonly string[]): string[] {
  if (curved.length > MAX_NAMED) return picked.filter((run) => curved.includes(run));
  return [...curved];
}

export const labelWidth = (name: string, text_px: number, mark_px: number): number =>
  Math.ceil(name.length * LETTER_EM * text_px) + mark_px;

/** A name cut to a width. Its end is shown: names of one folder often begin alike. */
export function cutName(name: string, width_px: number, text_px: number): string {
  const max = Math.floor(width_px / (LETTER_EM * text_px));
  return name.length <= max ? name : `…${name.slice(name.length - Math.max(2, max - 1))}`;
}

/** The width right of the plot in which every name fits; less is needed where a curve ends early. */
export function roomForNames(
  ends: readonly { run: string; share: number; width: number }[],
  box: { width: number; left: number; min: number },
): number {
  const whole = box.width - box.left;
  let plot = whole - box.min;
  for (const { share, width } of ends) if (share > 0) plot = Math.min(plot, (whole - width) / share);
  return Math.round(whole - Math.max(plot, whole * MIN_PLOT));
}

/** The last point of a curve that has a value; null where it has none. */
export function endOf(curve: Curve): { x: number; y: number } | null {
  const at = curve.y.findLastIndex(Number.isFinite);
  return at < 0 ? null : { x: curve.x[at], y: curve.y[at] };
}

export interface Placed {
  run: string;
  x: number;
  y: number;
  width: number;
}

/** Moves labels apart that would cover each other, in the order of their curves, and none below the plot. */
export function apart(labels: readonly Placed[], labelHeight: number, bottom: number): Placed[] {
  const order = [...labels].sort((a, b) => a.y - b.y).map((label) => ({ ...label }));
  const meet = (a: Placed, b: Placed) => a.x < b.x + b.width && b.x < a.x + a.width;
  order.forEach((label, n) => {
    for (const above of order.slice(0, n))
      if (meet(label, above)) label.y = Math.max(label.y, above.y + labelHeight);
  });
  for (let n = order.length - 1; n >= 0; n -= 1) {
    const label = order[n];
    label.y = Math.min(label.y, bottom);
    for (const below of order.slice(n + 1))
      if (meet(label, below)) label.y = Math.min(label.y, below.y - labelHeight);
  }
  return order;
}

export function placeLabels(
  named: readonly Curve[],
  scales: Scales,
  widthOf: (run: string) => number,
  box: { labelHeight: number; bottom: number },
): Placed[] {
  const ends = named.flatMap((curve) => {
    const end = endOf(curve);
    return end ? [{ run: curve.run, x: scales.x(end.x), y: scales.y(end.y), width: widthOf(curve.run) }] : [];
  });
  return apart(ends, box.labelHeight, box.bottom);
}
