// The confusion of two runs over the same images: differences, what they say, tables. Pure.
import type { Agreement, ComparedErrors } from '../../../api/types';
import { formatCount, percent, plural, signed, signedCount } from '../../../base/format';
import type { Table } from '../../../state/exportData';
import type { Cell } from '../matrix/data';

export type Side = 'a' | 'b' | 'difference';

/** The full colour is for this share of the images of a class. */
const FULL = 0.12;

export interface MatrixOfTwo {
  size: number;
  a: number[];
  b: number[];
  difference: number[];
  /** The difference, and the count off the diagonal, that have the full colour. */
  limit: { difference: number; count: number };
  significant: boolean[];
  /** Number of significant cells. */
  marked: number;
}

const BOTH = { only_a: 0, only_b: 0, p: 1, significant: false };

/** A cell of the comparison; one that is not listed has the same images in both. */
export const cellOf = (found: ComparedErrors, { truth, predicted }: Cell): typeof BOTH =>
  found.cells.find((cell) => cell.true_class === truth && cell.predicted === predicted) ?? BOTH;

export function matrixOf(found: ComparedErrors): MatrixOfTwo {
  const size = found.classes.length;
  const [a, b] = [found.counts.a.flat(), found.counts.b.flat()];
  const significant = new Array<boolean>(a.length).fill(false);
  for (const cell of found.cells) significant[cell.true_class * size + cell.predicted] = cell.significant;
  const off = [...a, ...b].filter((_, at) => (at % (size * size)) % (size + 1) !== 0);
  return {
    size,
    a,
    b,
    difference: a.map((value, at) => value - b[at]),
    limit: {
      difference: Math.max(1, Math.round((FULL * found.images) / Math.max(1, size))),
      count: Math.max(
        1,
        off.reduce((max, value) => Math.max(max, value), 0),
      ),
    },
    significant,
    marked: significant.filter(Boolean).length,
  };
}

/** Where a difference lies on a ramp from 0 to 1 whose middle is zero; null where it is no more than noise. */
export function shadePlace(matrix: MatrixOfTwo, at: number): number | null {
  if (!matrix.significant[at]) return null;
  return 0.5 + 0.5 * Math.max(-1, Math.min(1, matrix.difference[at] / matrix.limit.difference));
}

/** `0.03`, `0.0004`, `< 0.0001`. */
export function probabilityText(p: number): string {
  if (p < 1e-4) return '< 0.0001';
  return p < 0.001 ? p.toFixed(4) : p < 0.01 ? p.toFixed(3) : p.toFixed(2);
}

export const cellName = (names: readonly string[], { truth, predicted }: Cell): string =>
  truth === predicted ? `${names[truth]}, correct` : `${names[truth]} → ${names[predicted]}`;

/** The pairs of a cell's tooltip. */
export function cellRows(found: ComparedErrors, { truth, predicted }: Cell): [string, string][] {
  const cell = cellOf(found, { truth, predicted });
  return [
    ['A', formatCount(found.counts.a[truth][predicted])],
    ['B', formatCount(found.counts.b[truth][predicted])],
    ['in A only', plural(cell.only_a, 'image')],
    ['in B only', plural(cell.only_b, 'image')],
    ['p', `${probabilityText(cell.p)}${cell.significant ? '' : ', within noise'}`],
  ];
}

export function cellWords(names: readonly string[], found: ComparedErrors, cell: Cell): string {
  const [a, b] = [found.counts.a, found.counts.b].map((counts) => counts[cell.truth][cell.predicted]);
  const { significant } = cellOf(found, cell);
  const text = `A ${formatCount(a)}, B ${formatCount(b)}, difference ${signedCount(a - b)}`;
  return `${cellName(names, cell)}: ${text}${significant ? ', more than noise' : ''}`;
}

/** Whether the difference of the two errors is more than noise, in a sentence. */
export function verdict(found: ComparedErrors): string {
  const [a, b] = found.error;
  const [low, high] = found.difference_interval.map((value) => signed(value * 100, 2));
  const interval = `${signed((a - b) * 100, 2)} points, 95 % interval ${low} to ${high}, p ${probabilityText(found.p)}`;
  const errors = `Test error ${percent(a, 2)} and ${percent(b, 2)}`;
  if (found.only_a === 0 && found.only_b === 0) return `${errors}: both are right on the same images.`;
  if (found.p >= 0.05) return `${errors}: no more than noise apart (${interval}).`;
  return `${errors}: ${a < b ? 'A' : 'B'} makes fewer errors (${interval}).`;
}

export interface Part {
  key: Agreement;
  name: string;
  images: number;
  fill: string;
}

/** The four parts of the images, by who is right. */
export const partsOf = (found: ComparedErrors): Part[] => [
  { key: 'both', name: 'both right', images: found.both, fill: 'var(--line-strong)' },
  { key: 'only_a', name: 'A only', images: found.only_a, fill: 'var(--div-p2)' },
  { key: 'only_b', name: 'B only', images: found.only_b, fill: 'var(--div-n2)' },
  { key: 'neither', name: 'neither', images: found.neither, fill: 'var(--line)' },
];

/** The cells that differ by more than noise, the greatest difference first. */
export function markedCells(matrix: MatrixOfTwo): (Cell & { difference: number })[] {
  return matrix.difference
    .map((difference, at) => ({
      truth: Math.floor(at / matrix.size),
      predicted: at % matrix.size,
      difference,
      isMarked: matrix.significant[at],
    }))
    .filter(({ isMarked }) => isMarked)
    .sort((x, y) => Math.abs(y.difference) - Math.abs(x.difference))
    .map(({ truth, predicted, difference }) => ({ truth, predicted, difference }));
}

export function comparedTables(found: ComparedErrors): Table[] {
  const names = found.classes;
  const matrix = matrixOf(found);
  return [
    {
      name: 'A − B',
      head: [`true \\ predicted, ${formatCount(found.images)} ${found.split} images`, ...names],
      rows: names.map((name, i) => [name, ...names.map((_, j) => matrix.difference[i * names.length + j])]),
    },
    {
      name: 'Cells that differ',
      head: ['true', 'predicted', 'A', 'B', 'A − B', 'in A only', 'in B only', 'p', 'more than noise'],
      rows: found.cells.map(({ true_class: i, predicted: j, only_a, only_b, p, significant }) => {
        const [a, b] = [found.counts.a[i][j], found.counts.b[i][j]];
        return [names[i], names[j], a, b, a - b, only_a, only_b, p, significant ? 'yes' : 'no'];
      }),
    },
    {
      name: 'Right and wrong',
      head: ['right', 'images'],
      rows: partsOf(found).map(({ name, images }) => [name, images]),
    },
  ];
}
