// Which clusters of two runs have images in common: cells, order, places, how far the two agree. Pure.
import { percent, plural } from '../../../base/format';
import type { Table } from '../../../state/exportData';
import { dominant } from '../data';

export interface FlowCluster {
  index: number;
  name: string;
  size: number;
  mix: number[];
}
/** The images that a cluster of A and one of B (indices) have in common. */
export interface FlowCell {
  a: number;
  b: number;
  ids: number[];
}
export interface ClusterFlow {
  a: FlowCluster[];
  b: FlowCluster[];
  /** Pairs that have images in common. */
  cells: FlowCell[];
  images: number;
}
export type Side = 'a' | 'b';
export interface ChosenCluster {
  side: Side;
  index: number;
}

/** `members[k]` are the ids of cluster k. */
export function cellsOf(a: readonly number[][], b: readonly number[][]): FlowCell[] {
  const inB = new Map(b.flatMap((ids, k) => ids.map((id): [number, number] => [id, k])));
  return a.flatMap((ids, k) => {
    const parts = new Map<number, number[]>();
    for (const id of ids) {
      const to = inB.get(id);
      if (to !== undefined) parts.set(to, [...(parts.get(to) ?? []), id]);
    }
    return [...parts].map(([to, shared]): FlowCell => ({ a: k, b: to, ids: shared }));
  });
}

export const OTHER = { a: 'b', b: 'a' } as const;

/** The flow with B in place of A. */
export const withBFirst = ({ a, b, cells, images }: ClusterFlow): ClusterFlow => ({
  a: b,
  b: a,
  cells: cells.map((cell) => ({ a: cell.b, b: cell.a, ids: cell.ids })),
  images,
});

const pairs = (n: number): number => (n * (n - 1)) / 2;

/**
 * The adjusted Rand index (Hubert and Arabie, 1985): how often both runs agree whether two images are alike; 1 where they
 * group all images the same, 0 as expected by chance. Null where it says nothing.
 */
export function adjustedRand({ a, b, cells, images }: ClusterFlow): number | null {
  const sum = (sizes: number[]) => sizes.reduce((total, n) => total + pairs(n), 0);
  const [inA, inB] = [sum(a.map((one) => one.size)), sum(b.map((one) => one.size))];
  const expected = (inA * inB) / Math.max(1, pairs(images));
  const max = (inA + inB) / 2;
  return max === expected ? null : (sum(cells.map((cell) => cell.ids.length)) - expected) / (max - expected);
}

/** A's clusters by their commonest class, the largest first; B's beside those of A that most of their images are in. */
export function orderOf({ a, b, cells }: ClusterFlow): { a: number[]; b: number[] } {
  const known = (clusters: FlowCluster[]) => clusters.filter((one) => one.size > 0);
  const ofA = known(a)
    .sort((x, y) => dominant(x.mix) - dominant(y.mix) || y.size - x.size)
    .map((one) => one.index);
  const positionOf = new Map(ofA.map((index, n) => [index, n]));
  const mean = ({ index, size }: FlowCluster) =>
    cells
      .filter((cell) => cell.b === index)
      .reduce((sum, cell) => sum + cell.ids.length * (positionOf.get(cell.a) ?? 0), 0) / size;
  const ofB = known(b)
    .map((one) => ({ index: one.index, at: mean(one) }))
    .sort((x, y) => x.at - y.at || x.index - y.index)
    .map((one) => one.index);
  return { a: ofA, b: ofB };
}

/** The parts of a cluster in the other run, the most first. */
export function partsOf(flow: ClusterFlow, { side, index }: ChosenCluster): { to: number; ids: number[] }[] {
  return flow.cells
    .filter((cell) => cell[side] === index)
    .map((cell) => ({ to: side === 'a' ? cell.b : cell.a, ids: cell.ids }))
    .sort((x, y) => y.ids.length - x.ids.length || x.to - y.to);
}

/** The cluster of B that has most in common with one of A: the images in both, of those in either. */
export interface Likest {
  index: number;
  images: number;
  share: number;
}

export const likestWords = ({ index, images, share }: Likest): string =>
  `Most like ${String(index).padStart(2, '0')} of B: ${plural(images, 'image')} in both, ${percent(share, 0)} of those in either`;

const shareOf = (flow: ClusterFlow, { a, b, ids }: FlowCell): number =>
  ids.length / (flow.a[a].size + flow.b[b].size - ids.length);

/** For every cluster of A; null for one that has no image in any of B's. */
export function likestOf(flow: ClusterFlow): (Likest | null)[] {
  const likest = flow.a.map((): Likest | null => null);
  for (const cell of flow.cells) {
    const share = shareOf(flow, cell);
    if (share > (likest[cell.a]?.share ?? 0))
      likest[cell.a] = { index: cell.b, images: cell.ids.length, share };
  }
  return likest;
}

/** For every cluster of A one of B that is no other's: those first that have most in common, then what is left; null where nothing is. */
export function partnersOf(flow: ClusterFlow): (number | null)[] {
  const partners = flow.a.map((): number | null => null);
  const taken = new Set<number>();
  const cells = flow.cells
    .map((cell) => ({ ...cell, share: shareOf(flow, cell) }))
    .sort((x, y) => y.share - x.share || x.a - y.a || x.b - y.b);
  for (const { a, b } of cells) {
    if (partners[a] !== null || taken.has(b)) continue;
    partners[a] = b;
    taken.add(b);
  }
  const left = flow.b.map((_, b) => b).filter((b) => !taken.has(b));
  return partners.map((partner) => partner ?? left.shift() ?? null);
}

export interface Bar {
  index: number;
  y: number;
  height: number;
}
export interface Ribbon {
  a: number;
  b: number;
  images: number;
  /** The upper edges, left and right, and the height at both. */
  y0: number;
  y1: number;
  height: number;
}

/** Pairs with a smaller share of both their clusters are left out of the picture; the table has all. */
export const MIN_SHARE = 0.05;
const GAP = 3;

export function layoutOf(flow: ClusterFlow, height: number): { a: Bar[]; b: Bar[]; ribbons: Ribbon[] } {
  const order = orderOf(flow);
  const max = Math.max(order.a.length, order.b.length);
  const scale = Math.max(0, height - GAP * Math.max(0, max - 1)) / Math.max(1, flow.images);
  const stacked = (side: Side): Bar[] => {
    let y = 0;
    return order[side].map((index) => {
      const barHeight = flow[side][index].size * scale;
      const bar = { index, y, height: barHeight };
      y += barHeight + GAP;
      return bar;
    });
  };
  const [a, b] = [stacked('a'), stacked('b')];
  const next = {
    a: new Map(a.map((bar) => [bar.index, bar.y])),
    b: new Map(b.map((bar) => [bar.index, bar.y])),
  };
  const positionOf = { a: new Map(order.a.map((k, n) => [k, n])), b: new Map(order.b.map((k, n) => [k, n])) };
  const cells = [...flow.cells].sort(
    (x, y) =>
      (positionOf.a.get(x.a) ?? 0) - (positionOf.a.get(y.a) ?? 0) ||
      (positionOf.b.get(x.b) ?? 0) - (positionOf.b.get(y.b) ?? 0),
  );
  const ribbons = cells.flatMap((cell): Ribbon[] => {
    const images = cell.ids.length;
    const [y0, y1] = [next.a.get(cell.a) ?? 0, next.b.get(cell.b) ?? 0];
    next.a.set(cell.a, y0 + images * scale);
    next.b.set(cell.b, y1 + images * scale);
    const share = Math.max(images / flow.a[cell.a].size, images / flow.b[cell.b].size);
    return share < MIN_SHARE ? [] : [{ a: cell.a, b: cell.b, images, y0, y1, height: images * scale }];
  });
  return { a, b, ribbons };
}

/** `a-3` in the address. */
export function chosenFrom(text: string, flow: ClusterFlow): ChosenCluster | null {
  const found = /^([ab])-(\d{1,4})$/.exec(text);
  if (!found) return null;
  const [side, index] = [found[1] as Side, Number(found[2])];
  return flow[side][index]?.size ? { side, index } : null;
}

export function flowTables(flow: ClusterFlow): Table[] {
  const cells = [...flow.cells].sort((x, y) => y.ids.length - x.ids.length || x.a - y.a || x.b - y.b);
  return [
    {
      name: 'Clusters of A and B',
      head: ['cluster of A', 'name', 'cluster of B', 'name in B', 'images in both', 'share of A', 'share of B'],
      rows: cells.map(({ a, b, ids }) => [
        a,
        flow.a[a].name,
        b,
        flow.b[b].name,
        ids.length,
        ids.length / flow.a[a].size,
        ids.length / flow.b[b].size,
      ]),
    },
  ];
}
