/** The checkpoints of two runs, aligned (by a clock: step, epoch, ...), and what the two have in common. Pure. */
import type { ClockAnswer, ClockName, Run } from '../api/types';
import { isOwnImage } from './imageId';

/** A checkpoint of A beside one of B. */
export interface TwoCheckpoints {
  run: string;
  checkpoint: number;
  b: string;
  b_checkpoint: number;
}

type Pairs = Pick<ClockAnswer, 'pairs' | 'missing' | 'by'>;

/** The checkpoint of B that is aligned with one of A; null where there is none. */
export function pairedCheckpoint(clock: Pairs | null, checkpoint: number, checkpoints: number): number | null {
  const pair = clock?.pairs[checkpoint] ?? null;
  return pair === null || pair >= checkpoints ? null : pair;
}

/**
 * For each checkpoint of A an index of `ofB`, the ascending checkpoints at which B was measured: the last that is not
 * after the checkpoint aligned with it; -1 where there is none.
 */
export const onClock = (
  clock: Pairs | null,
  checkpoints: readonly number[],
  ofB: readonly number[],
): number[] =>
  checkpoints.map((checkpoint) => {
    const to = pairedCheckpoint(clock, checkpoint, Infinity);
    return to === null ? -1 : ofB.findLastIndex((one) => one <= to);
  });

/** Why none of B's checkpoints is aligned with one of A. */
export function whyUnpaired({ by, missing }: Pairs, problem: string | null): string {
  if (missing) return missing;
  if (problem) return 'this checkpoint of A cannot be read';
  return by === 'error'
    ? 'B has no checkpoint with as small a test error as A here'
    : 'B has no checkpoint here';
}

/**
 * The clock unless one is chosen: by epoch; two finished runs of other lengths by the fraction of their training, for
 * beside the end of one stands the end of the other.
 */
export function usualClock(a: Run | null, b: Run | null): ClockName {
  if (!a || !b || a.live || b.live) return 'epoch';
  const [x, y] = [a, b].map((run) => run.checkpoints.at(-1)?.epoch ?? 0);
  return Math.abs(x - y) > 0.01 * Math.max(x, y) ? 'fraction' : 'epoch';
}

/** The clocks in words, in the order of the choice. */
export const CLOCK_WORDS: Record<ClockName, string> = {
  epoch: 'epoch',
  step: 'step',
  images: 'images seen',
  fraction: 'fraction of run',
  time: 'training time',
  error: 'equal test error',
};
export const CLOCKS = Object.keys(CLOCK_WORDS) as ClockName[];

export const sameClasses = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name) => b.includes(name));

/** One value a class of B, in the order of A's classes, which have the same names. */
export const inClassesOf = <T>(a: readonly string[], b: readonly string[], values: readonly T[]): T[] =>
  a.map((name) => values[b.indexOf(name)]);

/** A matrix of counts, `true class x predicted`, in the order of A's classes. */
export const matrixInClassesOf = (
  a: readonly string[],
  b: readonly string[],
  rows: readonly (readonly number[])[],
): number[] => inClassesOf(a, b, rows).flatMap((row) => inClassesOf(a, b, row));

type Measured = Pick<Run, 'classes' | 'corpus'>;

/** Why B has no prediction for the image: an id means the same image in both runs only where the corpora are the same. */
export function whyNotAsked(a: Measured | null, b: Measured | null, image: number | null): string {
  if (!a || !b) return '';
  if (isOwnImage(image)) return 'of a picture of your own only A is asked';
  return a.corpus.identity === b.corpus.identity ? '' : 'B was trained on other images';
}

/** Why B's counts of images cannot be compared with A's. */
export function whyNotCounted(a: Measured | null, b: Measured | null): string {
  if (!a || !b) return '';
  if (a.corpus.identity !== b.corpus.identity) return 'B was measured on other images';
  return sameClasses(a.classes, b.classes) ? '' : 'B has other classes';
}
