/** Results of a run that may have diverged: values that are not finite are never results. Pure. */
import type { Checkpoint, Run } from '../api/types';
import { formatCount, fixed, NOT_FINITE, percent, significant } from '../base/format';

type Tested = Pick<Checkpoint, 'test_error' | 'not_finite' | 'diverged'>;

/** The checkpoint with the least test error; never one of a network that has diverged. */
export function bestTested<T extends Tested>(points: readonly T[]): T | null {
  let best: T | null = null;
  for (const point of points) {
    if (point.diverged || point.not_finite || point.test_error === null) continue;
    if (best?.test_error == null || point.test_error < best.test_error) best = point;
  }
  return best;
}

/** The test error of a checkpoint in words: the number, `not finite`, or `none` where it was not measured. */
export function testErrorText(point: Tested | undefined, digits: number, none = 'not measured'): string {
  if (point?.not_finite) return NOT_FINITE;
  return point?.test_error == null ? none : percent(point.test_error, digits);
}

/**
 * Ends of a picture's colour scale: `scale ± 0.25` where zero is in the middle, `scale 0 to 24` where it is not. Of a
 * network that has diverged, 0 may mean that no other value was finite.
 */
export function scaleWords([low, high]: readonly number[], isDiverged: boolean, digits = 2): string {
  if (low === 0 && high === 0 && isDiverged) return 'nothing is finite but 0';
  if (low === -high) return `scale ± ${significant(high, digits)}`;
  return `scale ${significant(low, digits)} to ${significant(high, digits)}`;
}

/** `12 of 48 above zero`, and how many of them are no numbers. */
export function aboveZeroWords(values: ArrayLike<number>): string {
  const all = Array.from(values);
  const divergedCount = all.filter((value) => !Number.isFinite(value)).length;
  if (divergedCount === all.length && divergedCount > 0) return NOT_FINITE;
  const above = all.filter((value) => Number.isFinite(value) && value > 0).length;
  return `${formatCount(above)} of ${formatCount(all.length)} above zero${divergedCount ? `, ${formatCount(divergedCount)} ${NOT_FINITE}` : ''}`;
}

/** `diverged at step 1,200`. */
export const divergedAt = (divergence: { step: number }): string =>
  `diverged at step ${formatCount(divergence.step)}`;

/** Step and cause of a divergence, in sentences. */
export function divergedWords(divergence: NonNullable<Run['divergence']>): string {
  const { step, epoch, found, rate } = divergence;
  const advice =
    rate === null
      ? 'A lower learning rate'
      : `The learning rate was ${String(rate).replace('e+', 'e')}; a lower one`;
  return (
    `The run diverged at step ${formatCount(step)}, epoch ${fixed(epoch, 2)}: ${found}. ` +
    `Nothing from there on is a result. ${advice} or smaller initial weights may help.`
  );
}
