// The maps of B in the places of those of A that they match. Pure.
import type { MatchedUnits } from '../../../api/types';
import type { StripGrid } from '../data';

/** For every place of A the filter of B that stands there; null where none does. */
export type Order = readonly (number | null)[];

export function matchedOrder({ pairs }: Pick<MatchedUnits, 'pairs'>, filters: number): Order {
  const order = new Array<number | null>(filters).fill(null);
  for (const { a, b } of pairs) if (a < filters) order[a] = b;
  return order;
}

/** Outputs of classes are matched by the names of the classes. */
export const classOrder = (a: readonly string[], b: readonly string[]): Order =>
  a.map((name) => {
    const at = b.indexOf(name);
    return at < 0 ? null : at;
  });

/** B's own order, where filters cannot be matched: place k has filter k. */
export const ownOrder = (filters: number, ofB: number): Order =>
  Array.from({ length: filters }, (_, k) => (k < ofB ? k : null));

/** How large B's maps are in A's places: at a whole scale, or as large as the place where they are larger. */
export function fitted(
  shape: { width: number; height: number },
  { tileX, tileY }: Pick<StripGrid, 'tileX' | 'tileY'>,
): { width: number; height: number } {
  const scale = Math.min(tileX / shape.width, tileY / shape.height);
  const whole = scale >= 1 ? Math.floor(scale) : scale;
  return { width: Math.round(shape.width * whole), height: Math.round(shape.height * whole) };
}
