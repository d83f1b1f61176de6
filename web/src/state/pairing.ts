/** Checkpoints of two runs on one clock. Pure. */
import type { ClockAnswer, ClockName } from '../api/types';

/** A checkpoint of A beside one of B. */
export interface TwoCheckpoints {
  run: string;
  checkpoint: number;
  b: string;
  b_checkpoint: number;
}

type Pairs = Pick<ClockAnswer, 'pairs' | 'missing' | 'by'>;

/** The checkpoint of B under one of A; null where there is none. */
export function pairedCheckpoint(clock: Pairs | null, checkpoint: number, most: number): number | null {
  const pair = clock?.pairs[checkpoint] ?? null;
  return pair === null || pair >= most ? null : pair;
}

/** Why B has no checkpoint under one of A. */
export function whyUnpaired({ by, missing }: Pairs, problem: string | null): string {
  if (missing) return missing;
  if (problem) return 'this checkpoint of A cannot be read';
  return by === 'error'
    ? 'B has no checkpoint with as small a test error as A here'
    : 'B has no checkpoint here';
}

/** The clocks in words, in the order of the choice. */
export const CLOCK_WORDS: Record<ClockName, string> = {
  epoch: 'epoch',
  step: 'step',
  images: 'images seen',
  fraction: 'fraction of training',
  time: 'training time',
  error: 'equal test error',
};
export const CLOCKS = Object.keys(CLOCK_WORDS) as ClockName[];
