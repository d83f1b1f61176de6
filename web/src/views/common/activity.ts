/** Activity of a layer's filters: dead, at risk or saturated, and the active fraction. Pure. */
import type { ActivityHistory, Health, Layer } from '../../api/types';

/** A filter whose rectifier cuts off less than this share of its places is saturated. */
export const SATURATED_BELOW = 0.01;

/** Layers that leave each filter's map its own; the rectifier behind them is still the filter's. */
const TRANSPARENT = new Set(['pool', 'batch_norm', 'dropout', 'identity', 'linear']);
const RECTIFIERS = new Set(['relu', 'brelu']);

type Known = Pick<Layer, 'name' | 'type' | 'inputs'>;

/** The rectifier that cuts a layer's filters off at zero; null where none does. */
export function rectifierOf(layers: readonly Known[], name: string): string | null {
  const start = layers.find((layer) => layer.name === name);
  if (!start) return null;
  if (RECTIFIERS.has(start.type)) return start.name;
  const queue = [name];
  for (let from = queue.shift(); from !== undefined; from = queue.shift()) {
    for (const next of layers) {
      if (next.inputs.length !== 1 || next.inputs[0] !== from) continue;
      if (RECTIFIERS.has(next.type)) return next.name;
      if (TRANSPARENT.has(next.type)) queue.push(next.name);
    }
  }
  return null;
}

/** The filters of a layer at one checkpoint, counted; `active` is the mean active fraction. */
export interface Tally {
  filters: number;
  dead: number;
  at_risk: number;
  revived: number;
  saturated: number;
  active: number;
}

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
