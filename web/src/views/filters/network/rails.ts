/**
 * Connections that skip layers: each runs along a rail above the lane that it begins in. A rail takes what joins it, and
 * what a layer takes from it is everything that joined before: one line holds the skip of a residual block, the
 * input that several layers share, and all the concatenations of a dense block. Pure.
 */
import type { Chains } from './chains';

export interface Rail {
  id: string;
  lane: number;
  /** Height above the lane, 0 the lowest. */
  level: number;
  /** Layers whose outputs join, and layers that take all that joined to the left of them. */
  joins: readonly string[];
  taps: readonly string[];
  /** A connection to the left, as folded modules may have. */
  isBack: boolean;
}

type Placed = Pick<Chains, 'column' | 'lane' | 'next' | 'firsts' | 'before' | 'after'>;

/** How a connection is drawn: in the lane, as the beginning or the end of a branch, or along a rail. */
export type Way = 'lane' | 'branch' | 'merge' | 'rail';

export function wayOf(placed: Placed, from: string, to: string): Way {
  if ((placed.column.get(from) ?? 0) >= (placed.column.get(to) ?? 0)) return 'rail';
  if (placed.next.get(from) === to) return 'lane';
  if (placed.firsts.has(to)) return 'branch';
  return placed.next.has(from) ? 'rail' : 'merge';
}

interface Growing {
  lane: number;
  joins: Set<string>;
  taps: string[];
}

/** Routes as much of `missing` as possible along an existing rail, as long as each tap takes all inputs before it. */
function extend(rail: Growing, to: string, missing: Set<string>, placed: Placed): void {
  const inputs = placed.before.get(to) ?? [];
  for (const one of rail.joins) if (!inputs.includes(one)) return;
  const at = (name: string): number => placed.column.get(name) ?? 0;
  const joining = [...missing].filter(
    (one) =>
      rail.joins.has(one) ||
      rail.taps.every((tap) => at(tap) <= at(one) || (placed.before.get(tap) ?? []).includes(one)),
  );
  if (!joining.length) return;
  for (const one of joining) {
    rail.joins.add(one);
    missing.delete(one);
  }
  rail.taps.push(to);
}

/** Levels by length, so that a short skip lies under a longer one around it. */
function withLevels(found: readonly Omit<Rail, 'level'>[], column: Placed['column']): Rail[] {
  const at = (name: string): number => column.get(name) ?? 0;
  const spans = found.map((rail) => {
    const ends = [...rail.joins.map((one) => at(one) + 0.5), ...rail.taps.map(at)];
    return { rail, from: Math.min(...ends), to: Math.max(...ends) };
  });
  spans.sort((a, b) => a.to - a.from - (b.to - b.from) || a.from - b.from);
  const taken = new Map<string, { from: number; to: number }[]>();
  return spans.map(({ rail, from, to }) => {
    let level = 0;
    const at = (): { from: number; to: number }[] => taken.get(`${rail.lane} ${level}`) ?? [];
    while (at().some((one) => one.from < to && from < one.to)) level += 1;
    taken.set(`${rail.lane} ${level}`, [...at(), { from, to }]);
    return { ...rail, level };
  });
}

export function rails(placed: Placed, edges: readonly { from: string; to: string }[]): Rail[] {
  const { column, lane } = placed;
  const skips = new Map<string, Set<string>>();
  const back: Omit<Rail, 'level'>[] = [];
  for (const { from, to } of edges) {
    if (!column.has(from) || !column.has(to) || wayOf(placed, from, to) !== 'rail') continue;
    if ((column.get(from) ?? 0) >= (column.get(to) ?? 0)) {
      const id = `${from} back to ${to}`;
      back.push({ id, lane: lane.get(to) ?? 0, joins: [from], taps: [to], isBack: true });
      continue;
    }
    const sources = skips.get(to);
    if (sources) sources.add(from);
    else skips.set(to, new Set([from]));
  }
  const growing: Growing[] = [];
  const targets = [...skips.keys()].sort((a, b) => (column.get(a) ?? 0) - (column.get(b) ?? 0));
  for (const to of targets) {
    const missing = skips.get(to) ?? new Set();
    // The newest first: of a long network the old ones are far away.
    for (let i = growing.length - 1; i >= 0 && missing.size; i -= 1) extend(growing[i], to, missing, placed);
    if (missing.size)
      growing.push({
        lane: Math.min(...[...missing].map((one) => lane.get(one) ?? 0)),
        joins: missing,
        taps: [to],
      });
  }
  const found = growing.map(({ lane: own, joins, taps }) => ({
    id: `${[...joins][0]} over to ${taps[0]}`,
    lane: own,
    joins: [...joins],
    taps,
    isBack: false,
  }));
  return withLevels([...found, ...back], column);
}
