/**
 * Columns and lanes of the network's graph. A column is the distance from the input along the longest way, so that every
 * connection goes to the right. A chain is a row of layers that each go on from the one before; parallel chains have
 * lanes of their own. Pure.
 */

export interface Chains {
  column: ReadonlyMap<string, number>;
  /** Row of a chain: 0 for the longest way through the network. */
  lane: ReadonlyMap<string, number>;
  /** The next layer in the lane of a layer, directly connected to it. */
  next: ReadonlyMap<string, string>;
  /** Layers that begin a chain, and with it a lane. */
  firsts: ReadonlySet<string>;
  /** Inputs and outputs that lie to the left and to the right. */
  before: ReadonlyMap<string, readonly string[]>;
  after: ReadonlyMap<string, readonly string[]>;
  /** The chains, the longest way first. */
  all: readonly Chain[];
}

export interface Chain {
  lane: number;
  members: readonly string[];
  /** Columns from the layer that it branches off to the layer that takes its output. */
  from: number;
  to: number;
}

interface Links {
  names: readonly string[];
  edges: readonly { from: string; to: string }[];
}

/** Nodes come after their inputs. Only a folded module may also take what comes after it: that edge moves nothing. */
function columnsOf({ names, edges }: Links): Map<string, number> {
  const inputs = new Map<string, string[]>(names.map((name) => [name, []]));
  for (const { from, to } of edges) inputs.get(to)?.push(from);
  const column = new Map<string, number>();
  for (const name of names) {
    let at = 0;
    for (const from of inputs.get(name) ?? []) at = Math.max(at, (column.get(from) ?? -1) + 1);
    column.set(name, at);
  }
  return column;
}

/** For every layer the longest way from it to an end. */
function heightsOf(order: readonly string[], after: ReadonlyMap<string, readonly string[]>) {
  const height = new Map<string, number>();
  for (let i = order.length - 1; i >= 0; i -= 1) {
    let max = 0;
    for (const to of after.get(order[i]) ?? []) max = Math.max(max, (height.get(to) ?? 0) + 1);
    height.set(order[i], max);
  }
  return height;
}

/** First free lane from `min` on, over the gaps `from` to `to` (gap `n` lies between columns `n` and `n + 1`). */
class Lanes {
  readonly #taken: { from: number; to: number }[][] = [];

  take(from: number, to: number, min: number): number {
    let lane = min;
    while ((this.#taken[lane] ?? []).some((one) => one.from <= to && from <= one.to)) lane += 1;
    while (this.#taken.length <= lane) this.#taken.push([]);
    this.#taken[lane].push({ from, to });
    return lane;
  }
}

export function chains(links: Links): Chains {
  const column = columnsOf(links);
  const at = (name: string): number => column.get(name) ?? 0;
  const before = new Map<string, string[]>(links.names.map((name) => [name, []]));
  const after = new Map<string, string[]>(links.names.map((name) => [name, []]));
  for (const { from, to } of links.edges) {
    if (!before.has(from) || !before.has(to) || at(from) >= at(to)) continue;
    before.get(to)?.push(from);
    after.get(from)?.push(to);
  }
  // Stable: layers of one column keep the order of the network.
  const order = [...links.names].sort((a, b) => at(a) - at(b));
  const height = heightsOf(order, after);

  // The lane continues with the output that has the longest path: never with a connection that skips layers.
  const wanted = new Map<string, string>();
  for (const [name, outputs] of after) {
    let best: string | null = null;
    for (const to of outputs) if (best === null || (height.get(to) ?? 0) > (height.get(best) ?? 0)) best = to;
    if (best !== null) wanted.set(name, best);
  }
  const next = new Map<string, string>();
  const chainOf = new Map<string, number>();
  const members: string[][] = [];
  for (const name of order) {
    let parent: string | null = null;
    for (const from of before.get(name) ?? []) {
      if (wanted.get(from) !== name) continue;
      if (parent === null || (chainOf.get(from) ?? 0) < (chainOf.get(parent) ?? 0)) parent = from;
    }
    if (parent === null) {
      chainOf.set(name, members.length);
      members.push([name]);
      continue;
    }
    const chain = chainOf.get(parent) ?? 0;
    next.set(parent, name);
    chainOf.set(name, chain);
    members[chain].push(name);
  }

  const firsts = new Set(members.map((chain) => chain[0]));
  const lane = new Map<string, number>();
  const lanes = new Lanes();
  const all = members.map((chain): Chain => {
    const [first, last] = [chain[0], chain[chain.length - 1]];
    const sources = before.get(first) ?? [];
    // From the gap after its source to the gap before its consumer: the connections are in the lane, too.
    let [from, to] = [at(first), at(last)];
    for (const source of sources) from = Math.min(from, at(source));
    for (const target of after.get(last) ?? []) if (!firsts.has(target)) to = Math.max(to, at(target) - 1);
    const above = sources.map((source) => lane.get(source) ?? 0);
    const own = lanes.take(from, to, above.length ? Math.min(...above) + 1 : 0);
    for (const name of chain) lane.set(name, own);
    return { lane: own, members: chain, from, to: to + 1 };
  });
  return { column, lane, next, firsts, before, after, all };
}
