/** The units that a unit is connected with: what the drawing and the curves of their weights are made of. Pure. */
import type { ConnectionHistory } from '../../../api/types';
import { numbersOf } from '../../../base/format';

/** Units of either side that are drawn. */
export const MAX_UNITS = 6;

export type Side = 'inputs' | 'outputs';

export interface Connected {
  /** The key of its position: `inputs/2`. */
  key: string;
  layer: string;
  filter: number;
  /** `red`, `green` or `blue`, where it is a colour of the image. */
  colour: string | null;
  /** Weights at every checkpoint of the answer; NaN where there is none. */
  weights: number[];
}

export function connectedOf(history: Pick<ConnectionHistory, Side>, side: Side): Connected[] {
  return history[side].slice(0, MAX_UNITS).map(({ layer, filter, colour, weights }, n) => ({
    key: `${side}/${n}`,
    layer,
    filter,
    colour,
    weights: numbersOf(weights),
  }));
}

/** The place of a checkpoint among those of the answer: its own, or that of the last one before it. */
export function placeOf(checkpoints: readonly number[], checkpoint: number): number {
  const after = checkpoints.findIndex((one) => one > checkpoint);
  return after < 0 ? checkpoints.length - 1 : Math.max(0, after - 1);
}

/** The greatest size of any weight: what lines and curves are scaled by, at every checkpoint the same. */
export function largestOf(units: readonly Connected[]): number {
  return Math.max(0, ...units.flatMap(({ weights }) => weights.filter(Number.isFinite).map(Math.abs)));
}

export interface LayerUnits {
  layer: string;
  filters: number[];
}

/** The units by layer, those of the first unit's layer first: each layer is one picture. */
export function byLayer(units: readonly { layer: string; filter: number }[]): LayerUnits[] {
  const all = new Map<string, Set<number>>();
  for (const { layer, filter } of units) all.set(layer, (all.get(layer) ?? new Set<number>()).add(filter));
  return [...all].map(([layer, filters]) => ({ layer, filters: [...filters].sort((a, b) => a - b) }));
}

/** Thickness of a line in pixels. */
export function thickness(weight: number, largest: number, max: number): number {
  if (!(largest > 0) || !Number.isFinite(weight)) return 0;
  return Math.max(0.5, (Math.abs(weight) / largest) * max);
}

/** The unit that an arrow key leads to from another one: up and down in its column, left and right over the middle. */
export function unitStep(at: string, key: string, counts: Readonly<Record<Side, number>>): string | null {
  if (at === 'unit') {
    const side = { ArrowLeft: 'inputs', ArrowRight: 'outputs' }[key] as Side | undefined;
    if (side) return counts[side] ? `${side}/${Math.floor((counts[side] - 1) / 2)}` : at;
    return key === 'ArrowUp' || key === 'ArrowDown' ? at : null;
  }
  const [side, place] = at.split('/') as [Side, string];
  const n = Number(place);
  const to = { ArrowUp: n - 1, ArrowDown: n + 1, Home: 0, End: counts[side] - 1 }[key];
  if (to !== undefined) return to >= 0 && to < counts[side] ? `${side}/${to}` : at;
  if (key === 'ArrowRight') return side === 'inputs' ? 'unit' : at;
  if (key === 'ArrowLeft') return side === 'outputs' ? 'unit' : at;
  return null;
}

/** Heights of labels at least `min` apart within 0 to `height`, each as near to its wanted height as possible. */
export function apart(wanted: readonly number[], min: number, height: number): number[] {
  const order = wanted.map((_, n) => n).sort((a, b) => wanted[a] - wanted[b]);
  const out: number[] = [];
  let from = 0;
  for (const n of order) {
    out[n] = Math.max(from, wanted[n]);
    from = out[n] + min;
  }
  let below = height;
  for (const n of [...order].reverse()) {
    out[n] = Math.min(out[n], below);
    below = out[n] - min;
  }
  return out;
}

/** The curve whose value at a place of the answer is nearest to a height, within `reach` pixels; null for none. */
export function nearestCurve(
  units: readonly Connected[],
  place: number,
  to: { y: number; scale: (weight: number) => number; reach: number },
): string | null {
  let [found, nearest] = [null as string | null, to.reach];
  for (const { key, weights } of units) {
    const away = Math.abs(to.scale(weights[place]) - to.y);
    if (away <= nearest) [found, nearest] = [key, away];
  }
  return found;
}

/** Share of the largest weight below which a change of sign does not count as a turn. */
const TURN = 0.25;

/**
 * The weights in parts, as indices from and to (one past the last): a curve is not drawn where there is no number, nor
 * where the sign turns and the size stays: the weight of a kernel is its norm with the sign of its sum, and the norm does
 * not pass through zero where the sum does.
 */
export function partsOf(weights: readonly number[], largest: number): { from: number; to: number }[] {
  const parts: { from: number; to: number }[] = [];
  weights.forEach((weight, n) => {
    if (!Number.isFinite(weight)) return;
    const part = parts.at(-1);
    const before = weights[n - 1];
    const turns = before * weight < 0 && Math.abs(before - weight) > TURN * largest;
    if (part?.to === n && !turns) part.to = n + 1;
    else parts.push({ from: n, to: n + 1 });
  });
  return parts;
}
