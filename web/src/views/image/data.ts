// Computations of the image view: the stream of probabilities, first correct, correct since, flips, labels.
// Pure: no DOM, no fetching. `rows[n]` are the probabilities at checkpoint `checkpoints[n]`.
import { formatCount } from '../../base/format';

export function topClass(probabilities: readonly number[]): number {
  let best = 0;
  for (let k = 1; k < probabilities.length; k++) if (probabilities[k] > probabilities[best]) best = k;
  return best;
}

export interface PredictionSummary {
  /** The most probable class at each checkpoint. */
  predicted: number[];
  /** The first checkpoint at which it was right. */
  first_right: number | null;
  /** The checkpoint from which on it was right to the end. */
  correct_since: number | null;
  /** Number of changes of the predicted class from one checkpoint to the next. */
  flips: number;
}

export function summary(
  rows: readonly number[][],
  checkpoints: readonly number[],
  truth: number,
): PredictionSummary {
  const predicted = rows.map(topClass);
  const first = predicted.indexOf(truth);
  let start = predicted.length;
  while (start > 0 && predicted[start - 1] === truth) start--;
  let flips = 0;
  for (let n = 1; n < predicted.length; n++) if (predicted[n] !== predicted[n - 1]) flips++;
  return {
    predicted,
    first_right: first < 0 ? null : checkpoints[first],
    correct_since: start < predicted.length ? checkpoints[start] : null,
    flips,
  };
}

/** `3 of 30`: at how many of the steps from checkpoint to checkpoint the prediction changed. */
export const flipWords = ({ flips, predicted }: Pick<PredictionSummary, 'flips' | 'predicted'>): string =>
  `${formatCount(flips)} of ${formatCount(Math.max(0, predicted.length - 1))}`;

/** The true class first (it lies at the bottom of the stream), once it is known; the others by the sums of their probabilities. */
export function streamOrder(rows: readonly number[][], truth: number): number[] {
  const classes = rows[0]?.length ?? 0;
  const totals = new Array<number>(classes).fill(0);
  for (const row of rows) row.forEach((p, k) => (totals[k] += p));
  const others = totals.map((_, k) => k).filter((k) => k !== truth);
  others.sort((a, b) => totals[b] - totals[a] || a - b);
  return truth >= 0 && truth < classes ? [truth, ...others] : others;
}

export interface StreamLayer {
  /** The class, or null for all that are too small to show alone. */
  class_index: number | null;
  low: number[];
  high: number[];
}

/** The stacked layers of the stream, from the bottom; up to `max` classes alone, the rest together on top. */
export function stack(rows: readonly number[][], order: readonly number[], max: number): StreamLayer[] {
  const base = new Array<number>(rows.length).fill(0);
  const layers: StreamLayer[] = [];
  const alone = order.length > max ? order.slice(0, max - 1) : order;
  for (const class_index of alone) {
    const low = [...base];
    rows.forEach((row, n) => (base[n] += row[class_index]));
    layers.push({ class_index, low, high: [...base] });
  }
  if (alone.length < order.length) {
    layers.push({ class_index: null, low: [...base], high: rows.map(() => 1) });
  }
  return layers;
}

/** Widest point of a layer, for its label; null where no point is wide enough. */
export function labelPlace(
  layer: StreamLayer,
  options: { min: number; margin: number },
): { index: number; middle: number } | null {
  let best: { index: number; middle: number } | null = null;
  let widest = options.min;
  const margin = Math.min(options.margin, Math.max(0, Math.floor((layer.low.length - 1) / 3)));
  for (let n = margin; n < layer.low.length - margin; n++) {
    let width = Infinity;
    for (let q = Math.max(0, n - 1); q <= Math.min(layer.low.length - 1, n + 1); q++) {
      width = Math.min(width, layer.high[q] - layer.low[q]);
    }
    if (width > widest) {
      widest = width;
      best = { index: n, middle: (layer.high[n] + layer.low[n]) / 2 };
    }
  }
  return best;
}

export interface PlacedLabel {
  /** Thickness of the layer where its name stands. */
  room: number;
  box: { left: number; right: number; top: number; bottom: number };
}

/** The labels without those that overlap: of two the one with less room is dropped. Keeps their order. */
export function withoutOverlap<T extends PlacedLabel>(labels: readonly T[]): T[] {
  const thinned: T[] = [];
  for (const label of [...labels].sort((a, b) => b.room - a.room)) {
    const isFree = thinned.every(
      ({ box }) =>
        box.right <= label.box.left ||
        box.left >= label.box.right ||
        box.bottom <= label.box.top ||
        box.top >= label.box.bottom,
    );
    if (isFree) thinned.push(label);
  }
  return labels.filter((label) => thinned.includes(label));
}

/** Stretches of checkpoints with the same prediction: fewer boxes to draw, and each can be named. */
export function predictionSegments(
  predicted: readonly number[],
): { class_index: number; first: number; last: number }[] {
  const segments: { class_index: number; first: number; last: number }[] = [];
  predicted.forEach((class_index, n) => {
    const last = segments[segments.length - 1];
    if (last && last.class_index === class_index) last.last = n;
    else segments.push({ class_index, first: n, last: n });
  });
  return segments;
}

/** The classes to list beside an image with many classes: the true one and the likeliest, in class order. */
export function listedClasses(probabilities: readonly number[], truth: number, max: number): number[] {
  const all = probabilities.map((_, k) => k);
  if (all.length <= max) return all;
  const top = all.sort((a, b) => probabilities[b] - probabilities[a]).slice(0, max);
  if (!top.includes(truth)) top[top.length - 1] = truth;
  return top.sort((a, b) => a - b);
}

/** Columns for small maps in a row of `width` pixels: a power of two, so that all layers share one grid. */
export function mapColumns(count: number, pitch: number, width: number): number {
  const fit = Math.max(1, Math.floor((width + 3) / pitch));
  return count <= fit && count <= 32 ? count : 2 ** Math.floor(Math.log2(fit));
}

export interface StripGrid {
  tileX: number;
  tileY: number;
  pitch: number;
  columns: number;
  height: number;
}

/** Where the maps of a layer lie, at a whole scale near to `tile` pixels. */
export function stripGrid(
  shape: { channels: number; height: number; width: number },
  tile: number,
  width: number,
): StripGrid {
  const scale = Math.max(1, Math.round(tile / Math.max(1, shape.width)));
  const [tileX, tileY] = [shape.width * scale, shape.height * scale];
  const pitch = tileX + 3;
  const columns = mapColumns(shape.channels, pitch, width);
  return { tileX, tileY, pitch, columns, height: Math.ceil(shape.channels / columns) * (tileY + 3) - 3 };
}

/** The size of the maps: 96, 64 or 32 pixels, the largest at which all layers fit the room there is; else 32. */
export function stripTile(
  shapes: readonly { channels: number; height: number; width: number }[],
  width: number,
  available: number,
): number {
  const HEAD = 30;
  for (const tile of [96, 64]) {
    const tall = shapes.reduce((sum, shape) => {
      if (shape.height * shape.width === 1) return sum + HEAD + 32;
      const scale = Math.max(1, Math.round(tile / shape.width));
      const rows = Math.ceil(shape.channels / mapColumns(shape.channels, shape.width * scale + 3, width));
      return sum + HEAD + rows * (shape.height * scale + 3);
    }, 0);
    if (tall <= available) return tile;
  }
  return 32;
}

/** Pixels of a stream of probabilities in a view of this height: the presenter's, that of one run, or each of two. */
export function streamHeightOf(height: number, shown: 'alone' | 'one' | 'two'): number {
  if (shown === 'alone') return Math.max(180, height - 96);
  return shown === 'two'
    ? Math.max(150, Math.min(300, Math.round(height * 0.27)))
    : Math.max(180, Math.min(420, Math.round(height * 0.42)));
}
