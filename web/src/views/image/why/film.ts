/**
 * The film of an image: its explanation maps at some checkpoints, the frames. Which checkpoints those are, where a map is
 * strongest, and in words. Pure.
 */
import type { ExplanationMap, MethodCheck } from '../../../api/types';
import { fixed, percent } from '../../../base/format';

/** Checkpoints in one request at most. */
const MAX_AT_ONCE = 96;

/**
 * So many frames of the checkpoints that can be used, closer at the beginning, where most happens; the untrained
 * network is left out where there is room for that.
 */
export function frames(usable: readonly number[], max: number): number[] {
  const trained = usable.length > max ? usable.slice(1) : usable;
  if (trained.length <= max) return [...trained];
  const last = trained.length - 1;
  const places = Array.from({ length: max }, (_, i) => Math.round(last * (i / Math.max(1, max - 1)) ** 1.5));
  // Frames that fall together move on by one.
  for (let i = 1; i < max; i += 1) places[i] = Math.max(places[i], places[i - 1] + 1);
  return places.map((place) => trained[Math.min(last, place)]);
}

/** Up to `max` of the checkpoints, evenly spaced, including the first and the last. */
export function evenly(usable: readonly number[], max = MAX_AT_ONCE): number[] {
  if (usable.length <= max) return [...usable];
  const step = (usable.length - 1) / (max - 1);
  return Array.from({ length: max }, (_, i) => usable[Math.round(i * step)]);
}

/** The frame that a checkpoint belongs to: the last one not after it. */
export function frameOf(frames: readonly number[], checkpoint: number): number | null {
  return frames.reduce<number | null>(
    (found, frame) => (frame <= checkpoint ? frame : found),
    frames[0] ?? null,
  );
}

interface Cells {
  rows: number;
  columns: number;
}

/** The third of the image, in either direction, in which a map is strongest: `top right`, `the middle`. */
export function strongestPart(values: readonly (number | null)[], { rows, columns }: Cells): string | null {
  const sums = new Float64Array(9);
  values.forEach((value, at) => {
    const y = Math.min(2, Math.floor((3 * Math.floor(at / columns)) / rows));
    const x = Math.min(2, Math.floor((3 * (at % columns)) / columns));
    if (value !== null && Number.isFinite(value)) sums[3 * y + x] += value;
  });
  const best = sums.indexOf(Math.max(...sums));
  if (!(sums[best] > 0)) return null;
  const [y, x] = [Math.floor(best / 3), best % 3];
  if (y === 1 && x === 1) return 'middle';
  const words = [['top', '', 'bottom'][y], ['left', '', 'right'][x]].filter(Boolean);
  return words.length === 2 ? words.join(' ') : `${words[0]}${y === 1 ? ' side' : ''}`;
}

/** What the map says, in pieces, which are set in bold one by one. */
export interface MapSentence {
  where: string | null;
  value: string;
  /** The fall where a part is covered. */
  fall: string | null;
}

export function mapSentence(map: ExplanationMap, shape: Cells, method: string): MapSentence {
  const values = map.values.map((value) => value ?? -Infinity);
  const max = Math.max(...values);
  return {
    where: strongestPart(map.values, shape),
    value: fixed(map.explained, 1),
    fall: method === 'occlusion' && max > 0 ? fixed(max, 1) : null,
  };
}

/** For integrated gradients: the difference between the sum of the map and the value that it explains. */
export const completeness = (map: Pick<ExplanationMap, 'completeness_error'>): string | null =>
  map.completeness_error === null ? null : percent(Math.abs(map.completeness_error), 2);

export type Verdict = 'passes' | 'fails' | 'reconstruction';

export const verdictOf = (check: Pick<MethodCheck, 'passed' | 'reconstruction'>): Verdict =>
  check.reconstruction ? 'reconstruction' : check.passed ? 'passes' : 'fails';

/** The probabilities of logits; zeros where one is not a number. */
export function softmax(logits: readonly (number | null)[]): number[] {
  const max = Math.max(...logits.map((value) => value ?? -Infinity));
  const powers = logits.map((value) => (value === null ? 0 : Math.exp(value - max)));
  const sum = powers.reduce((all, power) => all + power, 0);
  return powers.map((power) => (sum > 0 ? power / sum : 0));
}

/** The classes to highlight: the one explained, and the one it is compared with or else the next strongest at the end. */
export function highlighted(last: readonly (number | null)[], of: number, versus: number | null): number[] {
  if (versus !== null) return [of, versus];
  const others = last.map((value, k) => ({ k, value: value ?? -Infinity })).filter(({ k }) => k !== of);
  const next = others.sort((a, b) => b.value - a.value)[0];
  return next ? [of, next.k] : [of];
}
