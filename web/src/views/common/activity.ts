/** Activity of a layer's filters: dead, at risk or saturated, and the active fraction. Pure. */
import type { ActivityHistory, Health, Layer } from '../../api/types';

/** A filter whose rectifier cuts off less than this share of its positions is saturated. */
export const SATURATED_BELOW = 0.01;

/** The rectifier that cuts a layer's filters off at zero; null where none does. */
export const rectifierOf = (
  layers: readonly Pick<Layer, 'name' | 'rectifier'>[],
  name: string,
): string | null => layers.find((layer) => layer.name === name)?.rectifier ?? null;

/** The filters of a layer at one checkpoint, counted; `active` is the mean active fraction. */
export interface Tally {
  filters: number;
  dead: number;
  at_risk: number;
  revived: number;
  saturated: number;
  active: number;
}

/** `zeros` has the share of positions at which each filter puts out zero. */
export function tally(health: readonly Health[], zeros: readonly number[]): Tally {
  const of = (kind: Health) => health.filter((one) => one === kind).length;
  const known = zeros.filter((share) => Number.isFinite(share));
  return {
    filters: health.length,
    dead: of('dead'),
    at_risk: of('at_risk'),
    revived: of('revived'),
    saturated: known.filter((share) => share < SATURATED_BELOW).length,
    active: known.length ? 1 - known.reduce((sum, share) => sum + share, 0) / known.length : NaN,
  };
}

/** The activity at every checkpoint of a history. */
export const tallies = (history: Pick<ActivityHistory, 'health' | 'zeros'>): Tally[] =>
  history.health.map((health, n) => tally(health, history.zeros[n] ?? []));

/** The state of one filter in a word. */
export function stateOf(health: Health | undefined, zeros: number | null | undefined): string {
  if (health === undefined) return '–';
  if (health !== 'alive') return health === 'at_risk' ? 'at risk' : health;
  return zeros !== null && zeros !== undefined && zeros < SATURATED_BELOW ? 'saturated' : 'alive';
}

/** Sums of single precision in another order differ by about so much of their size. */
const ROUNDING = 1e-5;

/** True where the means of all classes are the same but for rounding: differences of them would be noise. */
export function isConstant(means: readonly number[], deviation: number | null): boolean {
  const known = means.filter(Number.isFinite);
  if (!known.length) return false;
  const size = Math.max(deviation ?? 0, ...known.map(Math.abs));
  return Math.max(...known) - Math.min(...known) <= ROUNDING * size;
}
