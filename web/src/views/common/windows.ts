// Comparing counts over training (of a confusion cell, of a cluster): means of several checkpoints, and what of a change is
// more than noise. Pure.

/** Checkpoints in a mean. */
export const WINDOW = 5;

/** Index of the first checkpoint after the untrained network (checkpoint 0 of some runs), which predicts one class for nearly all. */
const firstTrained = (checkpoints: readonly number[], beginsUntrained: boolean): number =>
  beginsUntrained && checkpoints[0] === 0 ? 1 : 0;

/** Indices `from` to `to`, both included. */
const range = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, n) => from + n);

/** Two sets of checkpoints whose means are compared, as indices. */
export interface Windows {
  reference: number[];
  current: number[];
}

/**
 * Indices of the checkpoints with statistics around two, each itself in the middle; fewer where the run begins or ends, and as
 * few as it takes for the two windows to share none: what both hold would hide a change.
 * For the untrained network only checkpoints after it are used. Empty where a checkpoint has no counts, and where both
 * are the same: there is nothing to compare. `beginsUntrained` where checkpoint 0 is the network before its first step:
 * runs of another program may begin later.
 */
export function windowsAround(
  checkpoints: readonly number[],
  { reference, current }: { reference: number; current: number },
  beginsUntrained: boolean,
): Windows {
  const [low, high] = [firstTrained(checkpoints, beginsUntrained), checkpoints.length - 1];
  const [a, b] = [reference, current].map((checkpoint) => checkpoints.indexOf(checkpoint));
  const [from, to] = [Math.max(a, low), Math.max(b, low)];
  if (a < 0 || b < 0 || low > high || from === to) return { reference: [], current: [] };
  const reach = Math.min((WINDOW - 1) / 2, Math.floor((Math.abs(to - from) - 1) / 2));
  const around = (at: number) => range(Math.max(low, at - reach), Math.min(high, at + reach));
  return { reference: around(from), current: around(to) };
}

/** The first and the last checkpoints of training, at most `WINDOW` each and never a single one; null in a shorter run. */
export function windowsAtEnds(
  checkpoints: readonly number[],
  beginsUntrained: boolean,
): { first: number[]; last: number[] } | null {
  const low = firstTrained(checkpoints, beginsUntrained);
  const high = checkpoints.length - 1;
  const many = Math.min(WINDOW, Math.floor((high - low + 1) / 2));
  if (many < 2) return null;
  return { first: range(low, low + many - 1), last: range(high - many + 1, high) };
}

export const mean = (values: readonly number[]): number =>
  values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : Number.NaN;

/** Variance of a sample; 0 for a single value, which says nothing about it. */
export function variance(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const middle = mean(values);
  return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
}

/**
 * The smallest difference of two means of counts that is reported: the standard deviation that the difference of two
 * single checkpoints has, by the larger of two measures.
 * - The spread between checkpoints, √(var a + var b). Neighbouring checkpoints depend on each other (the border between
 *   two classes wanders slowly), so it is not divided by the root of their number. If they were independent, this
 *   would be √5 = 2.2 standard errors of the difference of two means of five.
 * - Poisson noise, √(mean a + mean b): the images are a sample, the same at every checkpoint, so that a mean over
 *   checkpoints does not make it smaller. It decides for rare confusions, and where there is a single checkpoint.
 */
export const noiseOfChange = (a: readonly number[], b: readonly number[]): number =>
  Math.sqrt(Math.max(variance(a) + variance(b), mean(a) + mean(b)));

/** The change from one window to another, and whether it is more than noise. */
export function changeOfMeans(
  a: readonly number[],
  b: readonly number[],
): { change: number; beyondNoise: boolean } {
  const change = mean(b) - mean(a);
  return { change, beyondNoise: Math.abs(change) > noiseOfChange(a, b) };
}
