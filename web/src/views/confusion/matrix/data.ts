// Computations of the confusion view: sums, shares, shading, histories. Pure: no DOM, no requests.
// Counts of one checkpoint are flat, row-major: true class in rows, predicted class in columns.

export type Counts = ArrayLike<number>;
export type Shade = 'count' | 'row' | 'column';
export type Cell = { truth: number; predicted: number };

/** All checkpoints that have counts, in order. `counts[n]` belongs to checkpoint `checkpoints[n]`. */
export interface Series {
  classes: number;
  images: number;
  checkpoints: number[];
  counts: Counts[];
}

export function rowSums(counts: Counts, classes: number): number[] {
  const sums = new Array<number>(classes).fill(0);
  for (let i = 0; i < classes; i++) for (let j = 0; j < classes; j++) sums[i] += counts[i * classes + j];
  return sums;
}

export function columnSums(counts: Counts, classes: number): number[] {
  const sums = new Array<number>(classes).fill(0);
  for (let i = 0; i < classes; i++) for (let j = 0; j < classes; j++) sums[j] += counts[i * classes + j];
  return sums;
}

/** Share of each true class that was recognised; null where the class has no image. */
export function recalls(counts: Counts, classes: number): (number | null)[] {
  return rowSums(counts, classes).map((sum, i) => (sum ? counts[i * classes + i] / sum : null));
}

/** Share of each prediction that was right; null where nothing was predicted as the class. */
export function precisions(counts: Counts, classes: number): (number | null)[] {
  return columnSums(counts, classes).map((sum, j) => (sum ? counts[j * classes + j] / sum : null));
}

/** The value that a cell is shaded by, for every cell. */
export function shadeValues(counts: Counts, classes: number, shade: Shade): Float64Array {
  const values = Float64Array.from(counts);
  if (shade === 'count') return values;
  const sums = shade === 'row' ? rowSums(counts, classes) : columnSums(counts, classes);
  for (let i = 0; i < classes; i++) {
    for (let j = 0; j < classes; j++) values[i * classes + j] /= sums[shade === 'row' ? i : j] || 1;
  }
  return values;
}

const STEPS = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/** The next round number at or above `value`, so that a scale stays put while a run grows. */
export function roundUp(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = STEPS.find((s) => s * power >= value * (1 - 1e-9)) ?? 10;
  return Number((step * power).toPrecision(2));
}

/**
 * One upper end of the scale for the whole run, so that a shade means the same at every checkpoint.
 * The first tenth of the checkpoints, where an untrained network gives everything one name, is left out,
 * and the top half percent of the rest may saturate.
 */
export function shadeLimit(series: Series, shade: Shade, diagonal: boolean): number {
  const { classes, counts } = series;
  const skip = Math.min(counts.length - 1, Math.ceil(counts.length / 10));
  const stride = Math.max(1, Math.floor((classes * classes * (counts.length - skip)) / 400_000));
  const values: number[] = [];
  for (const one of counts.slice(Math.max(0, skip))) {
    const shaded = shadeValues(one, classes, shade);
    for (let cell = 0; cell < shaded.length; cell += stride) {
      if (!diagonal && cell % (classes + 1) === 0) continue;
      values.push(shaded[cell]);
    }
  }
  if (!values.length) return 1;
  values.sort((a, b) => a - b);
  const top = values[Math.min(values.length - 1, Math.floor(values.length * 0.995))];
  const limit = roundUp(top || values[values.length - 1]);
  return shade === 'count' ? Math.max(1, limit) : Math.min(1, limit);
}

/** The counts of one cell at every checkpoint of the series. */
export function cellHistory(series: Series, cell: Cell): number[] {
  return series.counts.map((one) => one[cell.truth * series.classes + cell.predicted]);
}

/** The largest count of a cell once training has begun: the top of its history. */
export function historyTop(history: number[]): number {
  const skip = history.length > 3 ? Math.ceil(history.length / 10) : 0;
  return Math.max(1, ...history.slice(skip));
}

/** Index of a checkpoint's counts in a series; -1 for none. */
export function seriesIndex(series: Series, checkpoint: number): number {
  let low = 0;
  let high = series.checkpoints.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const at = series.checkpoints[middle];
    if (at === checkpoint) return middle;
    if (at < checkpoint) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/** The last checkpoint of the series at which the cell was not empty, with its count. */
export function lastNonEmpty(
  series: Series,
  cell: Cell,
  checkpoint: number,
): { checkpoint: number; count: number } | null {
  for (let n = series.checkpoints.length - 1; n >= 0; n--) {
    const count = series.counts[n][cell.truth * series.classes + cell.predicted];
    if (series.checkpoints[n] < checkpoint && count > 0) return { checkpoint: series.checkpoints[n], count };
  }
  return null;
}

/** The cell most worth opening first: the largest count off the diagonal. */
export function worstCell(counts: Counts, classes: number): Cell {
  let best: Cell = { truth: 0, predicted: classes > 1 ? 1 : 0 };
  let max = -1;
  for (let i = 0; i < classes; i++) {
    for (let j = 0; j < classes; j++) {
      const count = counts[i * classes + j];
      if (i !== j && count > max) {
        max = count;
        best = { truth: i, predicted: j };
      }
    }
  }
  return best;
}

/** The cell that an arrow key moves to; null for other keys. */
export function moveCell(cell: Cell, key: string, classes: number): Cell | null {
  const hold = (value: number) => Math.max(0, Math.min(classes - 1, value));
  const { truth, predicted } = cell;
  switch (key) {
    case 'ArrowUp':
      return { truth: hold(truth - 1), predicted };
    case 'ArrowDown':
      return { truth: hold(truth + 1), predicted };
    case 'ArrowLeft':
      return { truth, predicted: hold(predicted - 1) };
    case 'ArrowRight':
      return { truth, predicted: hold(predicted + 1) };
    case 'Home':
      return { truth, predicted: 0 };
    case 'End':
      return { truth, predicted: classes - 1 };
    case 'PageUp':
      return { truth: 0, predicted };
    case 'PageDown':
      return { truth: classes - 1, predicted };
    default:
      return null;
  }
}

/** `3-5` in the address, or null. */
export function parseCell(text: string | undefined | null, classes: number): Cell | null {
  const found = /^(\d+)-(\d+)$/.exec(text ?? '');
  if (!found) return null;
  const cell = { truth: Number(found[1]), predicted: Number(found[2]) };
  return cell.truth < classes && cell.predicted < classes ? cell : null;
}

export const sameCell = (a: Cell | null, b: Cell | null): boolean =>
  a?.truth === b?.truth && a?.predicted === b?.predicted;

export const formatCell = (cell: Cell): string => `${cell.truth}-${cell.predicted}`;
