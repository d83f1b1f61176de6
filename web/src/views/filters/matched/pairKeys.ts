// Filters of A and B in a grid of pairs: which of the two is meant, and where the arrows lead. Pure.

/** Filters opposite each other; null where there is none. */
export interface Pair {
  a: number | null;
  b: number | null;
}
export interface PairTile {
  n: number;
  of: 'a' | 'b';
}

export const sidesOf = (pair: Pair | undefined): PairTile['of'][] =>
  (['a', 'b'] as const).filter((of) => pair && pair[of] !== null);

/** The tile of an item on the requested side, or on the only one that it has. */
export function tileIn(items: readonly Pair[], n: number, of: PairTile['of']): PairTile {
  const at = Math.max(0, Math.min(items.length - 1, n));
  const sides = sidesOf(items[at]);
  return { n: at, of: sides.includes(of) ? of : (sides[0] ?? 'a') };
}

/** The tile that a key leads to: down from a filter of A is the one of B below it. Null for other keys. */
export function pairStep(
  items: readonly Pair[],
  columns: number,
  { n, of }: PairTile,
  key: string,
): PairTile | null {
  if (key === 'Home') return tileIn(items, 0, of);
  if (key === 'End') return tileIn(items, items.length - 1, of);
  const across = { ArrowLeft: -1, ArrowRight: 1 }[key];
  if (across !== undefined) return tileIn(items, n + across, of);
  const down = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (down === undefined) return null;
  const other = down > 0 ? 'b' : 'a';
  if (of !== other && sidesOf(items[n]).includes(other)) return { n, of: other };
  const to = n + down * columns;
  return to < 0 || to >= items.length ? { n, of } : tileIn(items, to, down > 0 ? 'a' : 'b');
}
