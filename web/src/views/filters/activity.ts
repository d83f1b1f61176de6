/** Activity of the pinned filter: active fraction, mean activation by class, state. Pure. */
import { formatCount, percent, plural } from '../../base/format';
import { stateOf } from '../common/activity';
import type { ActivityHistory, Health } from '../../api/types';

/** Index of a filter's activity: a locally connected layer has many filters for one map, and the statistics of maps. */
export const mapOf = (filter: number, maps: number): number => (maps > 0 ? filter % maps : filter);

/** Active fraction at each of the checkpoints; NaN where it was not computed. */
export function activeShares(
  history: Pick<ActivityHistory, 'checkpoints' | 'zeros'>,
  filter: number,
  checkpoints: readonly number[],
): number[] {
  const at = new Map(history.checkpoints.map((checkpoint, n) => [checkpoint, n]));
  return checkpoints.map((checkpoint) => {
    const zeros = history.zeros[at.get(checkpoint) ?? -1];
    return zeros ? 1 - zeros[mapOf(filter, zeros.length)] : NaN;
  });
}

/** Number of checkpoints at which the filter was dead, in words; empty for none. */
export function deadWords(health: readonly (readonly Health[])[], filter: number): string {
  const dead = health.filter((one) => one[mapOf(filter, one.length)] === 'dead').length;
  return dead ? `dead at ${formatCount(dead)} of ${plural(health.length, 'checkpoint')}` : '';
}

/** `fires at 59 % of positions`, `at risk, fires at 0.3 % of positions`, `dead, never fires`: state and active fraction in words. */
export function firingWords({ state, active }: { state: string; active: number | null }): string {
  const name = state === 'alive' ? '' : state;
  if (active === null) return name || 'alive';
  const fires = active > 0 ? `fires at ${percent(active, active < 0.01 ? 1 : 0)} of positions` : 'never fires';
  return [name, fires].filter(Boolean).join(', ');
}

export interface ClassResponse {
  class_index: number;
  mean: number;
  /** Start and width of its bar, 0..1 of the available width. */
  from: number;
  width: number;
}

/** The classes by mean activation, the highest first. */
export function strongestFirst(means: readonly number[]): number[] {
  // A value that is not finite comes last.
  const known = means.map((mean) => (Number.isFinite(mean) ? mean : -Infinity));
  return means.map((_, k) => k).sort((a, b) => (known[a] === known[b] ? a - b : known[b] - known[a]));
}

/**
 * Bars from the mean over all images, in a given order: what sets a class apart, not what all have in common. A bar as
 * long as half the room is the largest difference, or one standard deviation between images where that is more; without
 * `deviation` it is the largest difference.
 */
export function classResponses(
  means: readonly number[],
  order: readonly number[],
  max: number,
  { overall, deviation }: { overall: number; deviation: number | null },
): ClassResponse[] {
  const apart = means.map((mean) => (Number.isFinite(mean) ? mean - overall : 0));
  const reach = Math.max(deviation ?? 0, ...apart.map(Math.abs)) || 1;
  return order.slice(0, max).map((class_index) => {
    const share = (apart[class_index] ?? 0) / reach / 2;
    return {
      class_index,
      mean: means[class_index] ?? 0,
      from: 0.5 + Math.min(0, share),
      width: Math.abs(share),
    };
  });
}

/**
 * State and active fraction of a filter at one place of a history, and whether it was dead before; null where there are no
 * statistics.
 */
export function lifeAt(
  history: Pick<ActivityHistory, 'health' | 'zeros'>,
  { at, filter, isRectified }: { at: number; filter: number; isRectified: boolean },
): { state: string; active: number | null; past: string } | null {
  const health = history.health[at];
  if (!health) return null;
  const map = mapOf(filter, health.length);
  // Without a rectifier a unit that gives nothing positive is not dead: what is negative passes on.
  if (!isRectified) return { state: 'alive', active: null, past: '' };
  const zeros = history.zeros[at][map];
  return { state: stateOf(health[map], zeros), active: 1 - zeros, past: deadWords(history.health, filter) };
}
