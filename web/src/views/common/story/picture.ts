/** Layout of a sentence's chart: the same for the list, the slide and the printed page. Pure. */
import type { StoryCurves } from '../../../api/types';
import { percent, significant } from '../../../base/format';

/** The size of a chart and of its text in pixels, and the factor of its line widths. */
export interface Frame {
  width: number;
  height: number;
  text: number;
  weight: number;
}

export const SMALL: Frame = { width: 232, height: 104, text: 11, weight: 1 };

/** A frame for text of another base size. */
export const scaledFrame = ({ width, height, text, weight }: Frame, by: number): Frame => ({
  width: Math.floor(width * by),
  height: Math.floor(height * by),
  text: text * by,
  weight: weight * Math.sqrt(by),
});

/** From this width on the chart names all of its lines. */
export const LARGE_PX = 480;
/** Width of a letter, as a share of the text's size. */
const LETTER = 0.56;
/** The share of the width that the names take at most. */
const MAX_NAMES = 0.4;

type Rank = StoryCurves['lines'][number]['rank'];

export interface Label {
  text: string;
  y: number;
  rank: Rank;
}

export interface CurvesLayout {
  /** The area of the curves: its upper left corner is the origin. */
  plot: { width: number; height: number };
  lines: { d: string; rank: Rank }[];
  labels: Label[];
  means: string[];
  events: { x: number; label: string; anchor: 'start' | 'end' }[];
  /** Label at the top of the axis. */
  top: string;
  /** Label at the bottom of the axis; empty where that is zero. */
  bottom: string;
  from: string;
  to: string;
  /** The x position of a checkpoint; null outside of the chart. */
  x: (checkpoint: number) => number | null;
}

/** A name cut to a width. */
function cut(text: string, width: number, size: number): string {
  const max = Math.max(2, Math.floor(width / (size * LETTER)));
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

/** Moves labels apart that would overlap, within a top and a bottom. */
export function separateLabels(
  labels: Label[],
  pitch: number,
  [top, bottom]: readonly [number, number],
): Label[] {
  const placed = labels.map((one) => ({ ...one })).sort((a, b) => a.y - b.y);
  placed.forEach((one, n) => {
    one.y = Math.max(one.y, n > 0 ? placed[n - 1].y + pitch : top);
  });
  for (let n = placed.length - 1; n >= 0; n--)
    placed[n].y = Math.min(placed[n].y, n === placed.length - 1 ? bottom : placed[n + 1].y - pitch);
  return placed;
}

const shown = (value: number, unit: StoryCurves['unit']): string =>
  unit === 'share' ? percent(value, value > 0 && value < 0.1 ? 1 : 0) : significant(value, 2);

/** A line as one SVG path with gaps where there are no values. */
function pathOf(
  values: readonly (number | null)[],
  x: (n: number) => number,
  y: (v: number) => number,
): string {
  let pen = 'M';
  return values
    .map((value, n) => {
      if (value === null) {
        pen = 'M';
        return '';
      }
      const part = `${pen}${x(n).toFixed(1)},${y(value).toFixed(1)}`;
      pen = 'L';
      return part;
    })
    .join('');
}

/** The curves of a sentence; `epochs` has the epoch of every checkpoint of the run. */
export function layoutCurves(curves: StoryCurves, epochs: readonly number[], frame: Frame): CurvesLayout {
  const { text } = frame;
  const named = curves.lines.filter(
    (line) => line.rank === 'main' || (line.rank === 'part' && frame.width >= LARGE_PX),
  );
  const longest = Math.max(4, ...named.map((line) => line.label.length));
  const names = Math.min(frame.width * MAX_NAMES, longest * text * LETTER + 8);
  const plot = { width: Math.floor(frame.width - names - 6), height: Math.floor(frame.height - text - 6) };
  const at = (checkpoint: number) => epochs[checkpoint] ?? 0;
  const [first, last] = [at(curves.checkpoints[0] ?? 0), at(curves.checkpoints.at(-1) ?? 0)];
  const span = Math.max(1e-9, last - first);
  const byEpoch = (epoch: number) => (plot.width * (epoch - first)) / span;
  const [low, high] = curves.range;
  const y = (value: number) =>
    plot.height * (1 - Math.min(1, Math.max(0, (value - low) / Math.max(1e-9, high - low))));
  const ends = named.flatMap((line) => {
    const value = line.values.findLast((one) => one !== null);
    return value === null || value === undefined
      ? []
      : [{ text: cut(line.label, names, text), y: y(value) + text * 0.36, rank: line.rank }];
  });
  return {
    plot,
    lines: curves.lines.map((line) => ({
      d: pathOf(line.values, (n) => byEpoch(at(curves.checkpoints[n])), y),
      rank: line.rank,
    })),
    // The top of the axis has its number in the same column.
    labels: separateLabels(ends, text * 1.1, [
      text * 1.4,
      plot.height + text * 0.36 - (low === 0 ? 0 : text * 1.1),
    ]),
    means: curves.means.map(
      (mean) =>
        `M${byEpoch(at(mean.from)).toFixed(1)},${y(mean.value).toFixed(1)}H${byEpoch(at(mean.to)).toFixed(1)}`,
    ),
    events: curves.events.map((event) => {
      const x = byEpoch(event.epoch);
      return { x, label: event.label, anchor: x > plot.width / 2 ? ('end' as const) : ('start' as const) };
    }),
    top: shown(high, curves.unit),
    bottom: low === 0 ? '' : shown(low, curves.unit),
    from: `epoch ${first < 0.05 ? 0 : first.toFixed(1)}`,
    to: last.toFixed(1).replace(/\.0$/, ''),
    x: (checkpoint) => {
      const epoch = at(checkpoint);
      return epoch < first - 1e-9 || epoch > last + 1e-9 ? null : byEpoch(epoch);
    },
  };
}

/** Cells of units over checkpoints: whole pixels wide, so that equal columns are equal. */
export function layoutUnits(units: number, checkpoints: number, frame: Frame) {
  const left = Math.ceil(frame.text * 2.6);
  const column = Math.max(1, Math.floor((frame.width - left) / Math.max(1, checkpoints)));
  const row = Math.max(6, Math.floor((frame.height - frame.text - 6) / Math.max(1, units)));
  // Limited, so that a few rows do not become thick bars in a large chart.
  const pitch = Math.min(row, Math.ceil(frame.text * 3));
  return { left, column, pitch, cell: pitch - Math.max(2, Math.round(pitch / 8)), bottom: pitch * units };
}

/** The side of an image in a chart: a whole multiple of its own, at least once. */
export function imageSide(frame: Frame, side: number): number {
  const available = Math.min(frame.height * (frame.width >= LARGE_PX ? 0.8 : 0.7), frame.width * 0.45);
  return side * Math.max(1, Math.floor(available / Math.max(1, side)));
}
