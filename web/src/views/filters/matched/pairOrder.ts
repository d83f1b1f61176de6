// Where the filters of A stand while the playheads move: each keeps its place. Pure.
import type { MatchedUnits, UnitPair } from '../../../api/types';

export interface PairOrder {
  /** The layers and runs of the order; it is reset for others. */
  key: string;
  /** The checkpoint of A whose agreement gave the order. */
  checkpoint: number;
  /** All filters of A: those with a partner, best agreement first, then the others. */
  filters: readonly number[];
}

export type Found = Pick<MatchedUnits, 'checkpoint' | 'pairs' | 'unmatched'>;
type Alone = MatchedUnits['unmatched']['a'][number];

const bestFirst = ({ pairs, unmatched }: Found): number[] => [
  ...pairs.map(({ a }) => a),
  ...unmatched.a.map(({ unit }) => unit),
];

/** The order for what was found: the one that there is, of the best agreement where there is none yet. */
export function orderFor(held: PairOrder | null, key: string, found: Found): PairOrder {
  if (held?.key === key) return held;
  return { key, checkpoint: found.checkpoint, filters: bestFirst(found) };
}

/** The filters of A in an order, each with its partner or what is known of it without one. */
export function arranged(
  found: Found,
  { filters }: Pick<PairOrder, 'filters'>,
): { a: number; pair: UnitPair | null; alone: Alone | null }[] {
  const pairs = new Map(found.pairs.map((pair) => [pair.a, pair]));
  const alone = new Map(found.unmatched.a.map((one) => [one.unit, one]));
  return filters.map((a) => ({ a, pair: pairs.get(a) ?? null, alone: alone.get(a) ?? null }));
}

/** Every filter stands where its agreement puts it, as it would in a new order. */
export const isBestFirst = (found: Found, { filters }: Pick<PairOrder, 'filters'>): boolean =>
  bestFirst(found).every((a, n) => filters[n] === a);
