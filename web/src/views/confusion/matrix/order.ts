// The order of the classes, which of them are shown, and how many share a cell. Pure.
import { recalls, rowSums, type Cell, type Counts } from './data';

export type ClassOrdering = 'class' | 'error' | 'similar';

/** The classes in the order of their numbers, the worst recognised first, or those confused with each other side by side. */
export function classOrder(kind: ClassOrdering, counts: Counts, classes: number): number[] {
  const all = Array.from({ length: classes }, (_, k) => k);
  if (kind === 'class') return all;
  if (kind === 'error') {
    const recall = recalls(counts, classes);
    return all.sort((a, b) => (recall[a] ?? 2) - (recall[b] ?? 2) || a - b);
  }
  return similarOrder(counts, classes);
}

/** A walk from each class to the one most often confused with it that is left, begun at the most confused pair. */
function similarOrder(counts: Counts, classes: number): number[] {
  const rows = rowSums(counts, classes);
  const near = (i: number, j: number) =>
    counts[i * classes + j] / (rows[i] || 1) + counts[j * classes + i] / (rows[j] || 1);
  let start = 0;
  let max = -1;
  for (let i = 0; i < classes; i++) {
    for (let j = i + 1; j < classes; j++) {
      if (near(i, j) > max) [max, start] = [near(i, j), i];
    }
  }
  const left = new Set(Array.from({ length: classes }, (_, k) => k));
  const out: number[] = [];
  let at = start;
  while (left.size) {
    left.delete(at);
    out.push(at);
    let best = -1;
    let nearest = -1;
    for (const k of left) {
      const value = near(at, k);
      if (value > nearest) [nearest, best] = [value, k];
    }
    at = best;
  }
  return out;
}

/** Parses `0-19,40-59`, the unfolded part of the order. Null for all. */
export function parseZoom(text: string, classes: number): number[] | null {
  const out = new Set<number>();
  for (const part of text.split(',')) {
    const match = /^(\d{1,6})-(\d{1,6})$/.exec(part);
    if (!match) continue;
    for (let k = Number(match[1]); k <= Math.min(classes - 1, Number(match[2])); k++) out.add(k);
  }
  return out.size ? [...out].sort((a, b) => a - b) : null;
}

/** Positions as ranges: 0, 1, 2, 7 -> `0-2,7-7`. */
export function formatZoom(positions: readonly number[]): string {
  const sorted = [...new Set(positions)].sort((a, b) => a - b);
  const ranges: [number, number][] = [];
  for (const position of sorted) {
    const last = ranges.at(-1);
    if (last && last[1] === position - 1) last[1] = position;
    else ranges.push([position, position]);
  }
  return ranges.map(([a, b]) => `${a}-${b}`).join(',');
}

/** Neighbours share a cell where there are more than `max`: groups of equal size, the last may be smaller. */
export function groupNeighbours(positions: readonly number[], max: number): number[][] {
  const size = Math.max(1, Math.ceil(positions.length / Math.max(1, max)));
  return Array.from({ length: Math.ceil(positions.length / size) }, (_, g) =>
    positions.slice(g * size, (g + 1) * size),
  );
}

/** Classes as shown: each position holds one class, or several folded together. */
export interface ClassGroups {
  groups: number[][];
  names: string[];
  /** Nothing is moved, left out or folded. */
  plain: boolean;
  folded: boolean;
}

export function groupClasses(
  names: readonly string[],
  order: readonly number[],
  zoom: readonly number[] | null,
  max: number,
): ClassGroups {
  const positions = zoom ?? order.map((_, n) => n);
  const groups = groupNeighbours(positions, max).map((group) => group.map((position) => order[position]));
  const folded = groups.some((group) => group.length > 1);
  return {
    groups,
    names: groups.map((group) =>
      group.length === 1
        ? names[group[0]]
        : `${names[group[0]]} … ${names[group[group.length - 1]]} (${group.length})`,
    ),
    plain: !folded && groups.length === names.length && groups.every((group, n) => group[0] === n),
    folded,
  };
}

/** Counts of the groups: cells moved to their positions, those folded together summed. */
export function groupCounts(counts: Counts, classes: number, shown: ClassGroups): Counts {
  if (shown.plain) return counts;
  const n = shown.groups.length;
  const out = new Float64Array(n * n);
  shown.groups.forEach((rows, a) =>
    shown.groups.forEach((columns, b) => {
      let sum = 0;
      for (const i of rows) for (const j of columns) sum += counts[i * classes + j];
      out[a * n + b] = sum;
    }),
  );
  return out;
}

/** The cell of the groups that holds a cell of two classes; null where it is not shown. */
export function groupedCell(shown: ClassGroups, cell: Cell | null): Cell | null {
  if (!cell) return null;
  const at = (k: number) => shown.groups.findIndex((group) => group.includes(k));
  const position = { truth: at(cell.truth), predicted: at(cell.predicted) };
  return position.truth < 0 || position.predicted < 0 ? null : position;
}

/** The class whose name contains the text; an equal name first, then one that begins with it. */
export function findClass(names: readonly string[], text: string): number | null {
  const typed = text.trim().toLowerCase();
  if (!typed) return null;
  const lower = names.map((name) => name.toLowerCase());
  const exact = lower.indexOf(typed);
  if (exact >= 0) return exact;
  const begins = lower.findIndex((name) => name.startsWith(typed));
  const holds = begins >= 0 ? begins : lower.findIndex((name) => name.includes(typed));
  return holds >= 0 ? holds : null;
}
