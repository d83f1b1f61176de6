/**
 * A film: feature visualisations of one filter (pictures made by activation maximisation) at all checkpoints. It is computed
 * in parts, a request each. Pure.
 */
import type { Layer } from '../../../api/types';

/**
 * Number of checkpoints of a part (`size`), and of earlier ones that are computed before them and not shown (`lead`): the
 * optimisation of each picture is initialised with the picture of the checkpoint before. A checkpoint belongs to
 * one part, so its picture does not depend on the way by which one came to it.
 */
export interface PartSize {
  size: number;
  lead: number;
}

export interface FilmPart {
  /** The checkpoints in the order of the request: first the `lead` ones before the part that is shown. */
  checkpoints: number[];
  /** Number of checkpoints that only lead to the part that is shown. */
  lead: number;
}

/** Values that a network's layers put out for an image, up to which a part takes about a second, or some seconds. */
const SMALL = 400_000;
const MEDIUM = 4_000_000;

export function partSize(layers: readonly Pick<Layer, 'shape'>[]): PartSize {
  const values = layers.reduce((sum, { shape }) => sum + shape.channels * shape.height * shape.width, 0);
  if (values <= SMALL) return { size: 8, lead: 6 };
  return values <= MEDIUM ? { size: 4, lead: 2 } : { size: 1, lead: 0 };
}

/** All parts of a film, in order. */
export function filmParts(usable: readonly number[], { size, lead }: PartSize): FilmPart[] {
  const parts: FilmPart[] = [];
  for (let from = 0; from < usable.length; from += size) {
    const before = Math.min(lead, from);
    const way = Array.from({ length: before }, (_, n) => usable[Math.floor((n * from) / before)]);
    parts.push({ checkpoints: [...way, ...usable.slice(from, from + size)], lead: before });
  }
  return parts;
}

/** The part that a checkpoint belongs to, or the nearest usable one before it; -1 where there is none. */
export function partAt(usable: readonly number[], checkpoint: number, { size }: PartSize): number {
  if (usable.length === 0) return -1;
  const after = usable.findIndex((one) => one > checkpoint);
  const place = after < 0 ? usable.length - 1 : Math.max(0, after - 1);
  return Math.floor(place / size);
}

/** Of the pictures that have arrived, the nearest to a checkpoint; of two equally near the earlier one. */
export function nearestOf<T extends { checkpoint: number }>(frames: Iterable<T>, checkpoint: number): T | null {
  let best: T | null = null;
  for (const one of frames) {
    const distance = Math.abs(one.checkpoint - checkpoint);
    const least = best ? Math.abs(best.checkpoint - checkpoint) : Infinity;
    if (distance < least || (distance === least && best && one.checkpoint < best.checkpoint)) best = one;
  }
  return best;
}
