/** How much stronger the colours of a sheet are than they would be with the colour range of the whole run. Pure. */
import { significant } from '../../base/format';

/** The factor from which on it is shown: below, the difference is not visible. */
const WORTH = 1.15;

/**
 * The largest value of the run against the largest of this checkpoint: with a colour range for each checkpoint, the
 * colours are that many times stronger than with one for the whole run. Null where either is not known.
 */
export function gainOf(limit: number | null | undefined, whole: number | null | undefined): number | null {
  if (!limit || !whole || !Number.isFinite(limit) || !Number.isFinite(whole)) return null;
  return Math.max(1, whole / limit);
}

/** `× 440 amplified`; empty where the colours are about those of the whole run. */
export const gainWords = (gain: number | null): string =>
  gain === null || gain < WORTH ? '' : `× ${significant(gain, 2)} amplified`;
