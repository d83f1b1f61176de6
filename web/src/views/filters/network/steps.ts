/** Arrow keys in the network: along its connections, and between branches that lie side by side. Pure. */
import type { GraphLayout } from './graph';

/** The layer that a key leads to; null where it leads nowhere. */
export function step(layout: GraphLayout, at: string, key: string): string | null {
  const { column, lane, next, before, after, all } = layout.chains;
  const columnOf = (name: string): number => column.get(name) ?? 0;
  switch (key) {
    case 'ArrowRight':
      return next.get(at) ?? nearest(after.get(at) ?? [], columnOf(at), columnOf);
    case 'ArrowLeft': {
      const inputs = before.get(at) ?? [];
      return inputs.find((from) => next.get(from) === at) ?? nearest(inputs, columnOf(at), columnOf);
    }
    case 'ArrowUp':
    case 'ArrowDown': {
      const [own, place] = [lane.get(at) ?? 0, columnOf(at)];
      const by = key === 'ArrowUp' ? -1 : 1;
      // A branch is beside every layer from the one that it leaves to the one that it goes back to.
      const beside = all.filter(
        (chain) => (chain.lane - own) * by > 0 && chain.from <= place && place <= chain.to,
      );
      if (!beside.length) return null;
      const closest = Math.min(...beside.map((chain) => Math.abs(chain.lane - own)));
      return nearest(
        beside.filter((chain) => Math.abs(chain.lane - own) === closest).flatMap((chain) => chain.members),
        place,
        columnOf,
      );
    }
    case 'Home':
      return layout.nodes[0]?.name ?? null;
    case 'End':
      return layout.nodes.at(-1)?.name ?? null;
    default:
      return null;
  }
}

function nearest(names: readonly string[], to: number, columnOf: (name: string) => number): string | null {
  let best: string | null = null;
  for (const name of names)
    if (best === null || Math.abs(columnOf(name) - to) < Math.abs(columnOf(best) - to)) best = name;
  return best;
}

/** Everything that a layer is computed from, and the layer. */
export function pathTo(layout: GraphLayout, name: string): ReadonlySet<string> {
  const found = new Set<string>();
  const open = layout.byName.has(name) ? [name] : [];
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    if (found.has(one)) continue;
    found.add(one);
    open.push(...(layout.chains.before.get(one) ?? []));
  }
  return found;
}
