/** What each class loses without a filter: lost minus gained, and what is more than noise. Pure. */
import { ApiError } from '../../../api/client';
import type { LayerAblation } from '../../../api/types';
import { formatCount } from '../../../base/format';

/** What a filter is set to. */
export type SetTo = 'zero' | 'mean';

type Filters = LayerAblation['filters'];

export interface Effect {
  /** Index of the filter; in `effectsOf`, which is about one filter, of the class. */
  filter: number;
  /** Images that were right and are wrong, less those that were wrong and are right. */
  net: number;
  lost: number;
  gained: number;
  /** Half of the interval of the net loss: 95 %. */
  half: number;
  /** The net loss is beyond that. */
  beyondNoise: boolean;
}

const Z = 1.96;

/**
 * Lost and gained images are counts of independent changes: their difference has the variance of their sum (McNemar's
 * normal approximation).
 */
export function effectOf(lost: number, gained: number, filter = 0): Effect {
  const half = Z * Math.sqrt(lost + gained);
  const net = lost - gained;
  return { filter, net, lost, gained, half, beyondNoise: Math.abs(net) > half };
}

/** Each filter's effect on a class. */
export const effectsOn = (filters: Filters, class_index: number, to: SetTo): Effect[] =>
  filters.map((one, filter) =>
    effectOf(one[to].lost[class_index] ?? 0, one[to].gained[class_index] ?? 0, filter),
  );

/** The filters without which a class loses most. */
export const costliest = (effects: readonly Effect[], max: number): Effect[] =>
  [...effects].sort((a, b) => b.net - a.net || a.filter - b.filter).slice(0, max);

/** A filter's effect on each class. */
export const effectsOf = (one: Filters[number] | undefined, to: SetTo): Effect[] =>
  one ? one[to].lost.map((lost, k) => effectOf(lost, one[to].gained[k], k)) : [];

export interface MostAffectedClass {
  class_index: number;
  /** Effect over noise, from 0 to 1: 1 from three times the interval on. */
  strength: number;
}

/** The class that loses most without a filter, where that is more than noise; null where none does. */
export function mostAffectedClass(one: Filters[number] | undefined, to: SetTo): MostAffectedClass | null {
  let found: Effect | null = null;
  for (const effect of effectsOf(one, to))
    if (effect.beyondNoise && effect.net > 0 && effect.net > (found?.net ?? 0)) found = effect;
  if (!found) return null;
  return { class_index: found.filter, strength: Math.min(1, found.net / found.half / 3) };
}

/**
 * How many of a split's images effects were measured over, and the command that takes all; empty where it were all.
 * `images` of each class, `total` in the split, `run` by its name.
 */
export function measuredOver(
  images: readonly number[],
  { total, run }: { total: number; run: string },
): { words: string; command: string } | null {
  const measured = images.reduce((sum, one) => sum + one, 0);
  if (measured >= total) return null;
  const words = `over ${formatCount(measured)} of ${formatCount(total)} test images`;
  return { words, command: `deepviz stats ${run} --ablation=${total}` };
}

/** Of many filters, or a large network, the server measures over fewer images on request; its refusal says how many. */
export function allowedLimit(error: unknown): number | null {
  const hint = error instanceof ApiError && error.status === 400 ? error.problem.hint : null;
  const limit = Number(/\blimit=(\d+)/.exec(hint ?? '')?.[1] ?? 0);
  return limit > 0 ? limit : null;
}
