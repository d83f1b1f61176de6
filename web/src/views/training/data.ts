// Computations of the training view: smoothing, bands, thinning, axes, time left. Pure: no DOM, no requests.
import type { Run } from '../../api/types';
import { fixed, NOT_FINITE, scientific } from '../../base/format';

export type Along = 'step' | 'epoch' | 'images';

export interface TrainSeries {
  step: number[];
  epoch: number[];
  loss: number[];
  error: number[];
  rate: number[];
  images_per_s: number[];
}

export interface TestSeries {
  step: number[];
  epoch: number[];
  loss: number[];
  error: number[];
}

export interface Band {
  /** The step in the middle of the bin. */
  step: number;
  mean: number;
  low: number;
  high: number;
}

/**
 * A series of many steps as up to `max` bins, each with its mean and range: what a chart can show,
 * however long the run. Values that are not finite are left out; a bin without any is a gap and is dropped.
 */
export function bands(steps: readonly number[], values: readonly number[], max: number): Band[] {
  const size = Math.max(1, Math.ceil(values.length / max));
  const out: Band[] = [];
  for (let start = 0; start < values.length; start += size) {
    const end = Math.min(values.length, start + size);
    let sum = 0;
    let count = 0;
    let low = Infinity;
    let high = -Infinity;
    for (let i = start; i < end; i++) {
      const value = values[i];
      if (!Number.isFinite(value)) continue;
      sum += value;
      count++;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (count) out.push({ step: steps[(start + end - 1) >> 1], mean: sum / count, low, high });
  }
  return out;
}

/** A centred mean over 2 * reach + 1 values, narrower at the ends. */
export function smooth(values: readonly number[], reach: number): number[] {
  const sums = [0];
  for (const value of values) sums.push(sums[sums.length - 1] + value);
  return values.map((_, i) => {
    const low = Math.max(0, i - reach);
    const high = Math.min(values.length, i + reach + 1);
    return (sums[high] - sums[low]) / (high - low);
  });
}

/** The value of a series at a step: the last one at or before it; the first where none is. */
export function valueAt(
  steps: readonly number[],
  values: readonly (number | null)[],
  step: number,
): number | null {
  if (!steps.length) return null;
  let low = 0;
  let high = steps.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (steps[middle] <= step) low = middle;
    else high = middle - 1;
  }
  return values[low] ?? null;
}

/** What converts a run's steps to epochs and images (not the clock that aligns two runs). */
export interface Clock {
  steps_per_epoch: number;
  batch: number;
  train_images: number;
}

/** Epochs and images of a run's steps; where it was trained elsewhere, read off its newest checkpoint. */
export function clockOf(run: Pick<Run, 'steps_per_epoch' | 'batch' | 'checkpoints' | 'corpus'>): Clock {
  const last = run.checkpoints.at(-1);
  const measured = last && last.step > 0 ? last : null;
  const stepsPerEpoch = measured && measured.epoch > 0 ? measured.step / measured.epoch : 1;
  const batch = measured && measured.images_seen > 0 ? measured.images_seen / measured.step : 1;
  return {
    steps_per_epoch: run.steps_per_epoch ?? stepsPerEpoch,
    batch: run.batch ?? batch,
    train_images: run.corpus.train || 1,
  };
}

/** Position of a step along the chosen axis. */
export function along(step: number, axis: Along, clock: Clock): number {
  if (axis === 'step') return step;
  const epoch = step / clock.steps_per_epoch;
  return axis === 'epoch' ? epoch : epoch * clock.train_images;
}

/** The steps whose value is known, and those values. */
export function knownOf(
  steps: readonly number[],
  values: readonly (number | null)[],
): { steps: number[]; values: number[] } {
  const known = steps.map((step, i) => ({ step, value: values[i] })).filter(hasValue);
  return { steps: known.map((one) => one.step), values: known.map((one) => one.value) };
}

const hasValue = (one: { step: number; value: number | null }): one is { step: number; value: number } =>
  one.value !== null;

/** Steps at which the rate changes, and the rate that holds from there. */
export function rateStages(
  steps: readonly number[],
  rates: readonly number[],
): { step: number; rate: number }[] {
  const out: { step: number; rate: number }[] = [];
  rates.forEach((rate, i) => {
    if (!out.length || out[out.length - 1].rate !== rate) out.push({ step: i ? steps[i] : 0, rate });
  });
  return out;
}

/** The median of the speeds of steps, as the server takes it for the list of runs. */
export function medianSpeed(images_per_s: readonly number[]): number | null {
  const known = images_per_s.filter((v) => Number.isFinite(v) && v > 0);
  known.sort((a, b) => a - b);
  return known.length ? known[known.length >> 1] : null;
}

/** Seconds left at the present speed; null where it is not known. */
export function secondsLeft(steps_left: number, batch: number, images_per_s: number | null): number | null {
  return images_per_s && steps_left >= 0 ? (steps_left * batch) / images_per_s : null;
}

/** `43 s`, `3 min`, `2 h 10 min`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export interface LayerNorms {
  checkpoints: number[];
  norm: (number | null)[];
  /** Change since the previous snapshot, as a share of the size of the weights. */
  moved: (number | null)[];
  percentiles: { p1: number[]; p25: number[]; p50: number[]; p75: number[]; p99: number[] };
}

/** Root mean square from the norm of all weights. */
export function rootMeanSquare(norm: readonly number[], weights: number): number[] {
  const root = Math.sqrt(Math.max(1, weights));
  return norm.map((value) => value / root);
}

/** Half the height of a fan that lies around zero: the largest percentile on either side, ever. */
export function fanLimit(percentiles: LayerNorms['percentiles']): number {
  const values = [...percentiles.p1, ...percentiles.p99].filter(Number.isFinite).map(Math.abs);
  return Math.max(1e-12, ...values);
}

/** Three digits that matter, with a true minus and no exponent while it can be read. */
export function threeDigits(value: number): string {
  if (!Number.isFinite(value)) return NOT_FINITE;
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e5)) return scientific(value);
  return size >= 1000 ? fixed(value, 0) : value.toPrecision(3).replace('-', '−');
}

/** Ends of a logarithmic axis that are powers of ten around the values. */
export function powersAround(values: readonly number[], floor: number): { low: number; high: number } {
  const finite = values.filter((v) => Number.isFinite(v) && v >= floor);
  if (!finite.length) return { low: floor, high: floor * 10 };
  const low = 10 ** Math.floor(Math.log10(Math.min(...finite)) + 1e-9);
  const high = 10 ** Math.ceil(Math.log10(Math.max(...finite)) - 1e-9);
  return { low, high: high > low ? high : low * 10 };
}

/** A layer's steps: what the last step before each checkpoint added, as a share of the weights. */
export interface Updates {
  checkpoints: number[];
  update: (number | null)[];
}

/** The updates of the layer's weights, among those of all arrays. A share of zero (untrained) becomes null. */
export function updatesOf(
  history: { checkpoints: number[]; arrays: { name: string; update: (number | null)[] }[] } | null,
  layer: string,
): Updates | null {
  const found = history?.arrays.find((one) => one.name === `${layer}.weight`);
  if (!history || !found) return null;
  return {
    checkpoints: history.checkpoints,
    update: found.update.map((v) => (v !== null && v > 0 ? v : null)),
  };
}

/** Values known at some checkpoints, brought to the order of others; null where there is none. */
export function alignedTo(
  checkpoints: readonly number[],
  from: { checkpoints: readonly number[]; values: readonly (number | null)[] },
): (number | null)[] {
  const at = new Map(from.checkpoints.map((checkpoint, n) => [checkpoint, from.values[n]]));
  return checkpoints.map((checkpoint) => at.get(checkpoint) ?? null);
}

/** Index of a checkpoint among those known, ascending; -1: not there. While a run is live, the newest before it counts instead. */
export function latestKnown(checkpoints: readonly number[], wanted: number, live: boolean): number {
  const found = checkpoints.indexOf(wanted);
  return found < 0 && live ? checkpoints.findLastIndex((c) => c < wanted) : found;
}

const ROW = { min: 84, max: 168 };
const BIG = { min: 168, max: 320 };
/** Margins, axis and head of the table of layers. */
const AROUND = 20 + 44 + 24;

/** Heights of the big charts and of a layer's row: the charts take the room first, then the rows grow to twice theirs. */
export function pageHeights(available: number, layers: number): { big: number; row: number } {
  const rows = Math.max(1, layers);
  const left = available - AROUND;
  const big = Math.max(BIG.min, Math.min(BIG.max, left - ROW.min * rows));
  const row = Math.max(ROW.min, Math.min(ROW.max, Math.floor((left - big) / rows)));
  return { big, row };
}
