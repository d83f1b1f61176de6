// How similar the layers of two networks are, for a picture, a sentence and tables. Pure.
import type { SimilarLayer } from '../../../api/types';
import type { ComparedLayers } from '../../common/runs/layers';
import { formatCount, fixed, plural } from '../../../base/format';
import type { Table } from '../../../state/exportData';

export type Measure = 'cka' | 'procrustes';

/** The layers of A in rows, those of B in columns; the reverse while the key that shows B in place of A is held. */
export interface SimilarLayers extends ComparedLayers {
  rows: 'A' | 'B';
  columns: 'A' | 'B';
}

export interface LayerPair {
  /** Indices of the layers of the rows and of the columns: of A and of B. */
  a: number;
  b: number;
}

export const flipped = ({ a, b }: LayerPair): LayerPair => ({ a: b, b: a });

/** The same with B in the rows, in the place of A. The layer of A opposite one of B is the most alike of those that it is opposite. */
export function withBInRows(found: ComparedLayers): SimilarLayers {
  const turned = <T>(rows: readonly (readonly T[])[]): T[][] =>
    found.b.map((_, b) => found.a.map((__, a) => rows[a]?.[b]));
  const proposed = found.b.map((_, b) => {
    const those = found.proposed.flatMap((to, a) => (to === b ? [a] : []));
    const alike = (a: number) => found.cka[a]?.[b] ?? -1;
    return those.length ? those.reduce((x, y) => (alike(y) > alike(x) ? y : x)) : null;
  });
  return {
    ...found,
    a: found.b,
    b: found.a,
    features: { a: found.features.b, b: found.features.a },
    cka: turned(found.cka),
    cka_interval: turned(found.cka_interval),
    procrustes: turned(found.procrustes),
    proposed,
    rows: 'B',
    columns: 'A',
  };
}

export const valueOf = (found: ComparedLayers, measure: Measure, { a, b }: LayerPair): number | null =>
  found[measure][a]?.[b] ?? null;

/** Moves in the field by the keys that move in a grid; null for other keys. */
export function movePair({ a, b }: LayerPair, key: string, size: { a: number; b: number }): LayerPair | null {
  const steps: Record<string, LayerPair> = {
    ArrowUp: { a: a - 1, b },
    ArrowDown: { a: a + 1, b },
    ArrowLeft: { a, b: b - 1 },
    ArrowRight: { a, b: b + 1 },
    Home: { a, b: 0 },
    End: { a, b: size.b - 1 },
  };
  const next = steps[key];
  if (!next) return null;
  const within = (value: number, max: number) => Math.max(0, Math.min(max - 1, value));
  return { a: within(next.a, size.a), b: within(next.b, size.b) };
}

export const text = (value: number | null): string => (value === null ? '–' : fixed(value, 2));

function intervalText(found: ComparedLayers, { a, b }: LayerPair): string {
  const interval = found.cka_interval[a]?.[b];
  return interval ? `${fixed(interval[0], 2)} to ${fixed(interval[1], 2)}` : 'none';
}

export const pairName = (found: SimilarLayers, { a, b }: LayerPair): string =>
  `${found.a[a]} and ${found.b[b]} of ${found.columns}`;

export function pairRows(found: SimilarLayers, pair: LayerPair): [string, string][] {
  const size = ({ grid: [rows, columns], features }: SimilarLayer) =>
    rows * columns > 1
      ? `${formatCount(features)} values, ${rows} × ${columns} positions`
      : `${formatCount(features)} values`;
  return [
    ['CKA', text(valueOf(found, 'cka', pair))],
    ['95 % interval', intervalText(found, pair)],
    ['Procrustes', text(valueOf(found, 'procrustes', pair))],
    [`of ${found.rows}`, size(found.features.a[pair.a])],
    [`of ${found.columns}`, size(found.features.b[pair.b])],
  ];
}

export function pairWords(found: SimilarLayers, pair: LayerPair): string {
  const cka = valueOf(found, 'cka', pair);
  const [name, interval] = [pairName(found, pair), intervalText(found, pair)];
  if (cka === null) return `${name}: a constant layer is like no other`;
  return `${name}: CKA ${text(cka)}, ${interval}; Procrustes ${text(valueOf(found, 'procrustes', pair))}`;
}

/** For each layer of the rows the most similar one of the columns, in their order, where there is a proposal. */
export const proposedPairs = ({ proposed }: Pick<ComparedLayers, 'proposed'>): LayerPair[] =>
  proposed.flatMap((b, a) => (b === null ? [] : [{ a, b }]));

/** Where the two see most and least alike, in a sentence or two. */
export function similarWords(found: SimilarLayers): string {
  const known = proposedPairs(found).flatMap((pair) => {
    const cka = valueOf(found, 'cka', pair);
    return cka === null ? [] : [{ pair, cka }];
  });
  const images = plural(found.images, 'test image');
  if (!known.length)
    return `No layer of ${found.rows} can be compared with one of ${found.columns} over ${images}.`;
  const max = known.reduce((x, y) => (y.cka > x.cka ? y : x));
  const min = known.reduce((x, y) => (y.cka < x.cka ? y : x));
  const best = `${pairName(found, max.pair)} respond most alike to ${images} (CKA ${text(max.cka)})`;
  if (max === min) return `${best}.`;
  return `${best}; ${found.a[min.pair.a]} finds least in ${found.columns} (${text(min.cka)}, ${found.b[min.pair.b]}).`;
}

export interface FieldLayout {
  /** Size of a cell in whole pixels. */
  width: number;
  height: number;
  /** Height of the names above the columns. */
  head: number;
  /** Numbers are written where they fit. */
  numbered: boolean;
}

const CELL = { min: 14, maxWidth: 64, maxHeight: 52 };
const HEAD = { min: 84, max: 148 };
const LETTER = 6.4;

/**
 * Cells take the room that there is, each side for itself, so that networks of very unequal depth make no thin strip; up to
 * three times as long as the other side.
 */
export function fieldLayout(
  size: { a: number; b: number },
  /** Letters of the longest name of B. */
  letters: number,
  room: { width: number; height: number },
  scale: number,
): FieldLayout {
  const within = (value: number, min: number, max: number) =>
    Math.floor(Math.max(min * scale, Math.min(max * scale, value)));
  const head = within((letters + 1) * LETTER * scale, HEAD.min, HEAD.max);
  const cellWidth = within(room.width / Math.max(1, size.b), CELL.min, CELL.maxWidth);
  const cellHeight = within((room.height - head) / Math.max(1, size.a), CELL.min, CELL.maxHeight);
  const [width, height] = [Math.min(cellWidth, 3 * cellHeight), Math.min(cellHeight, 3 * cellWidth)];
  return { width, height, head, numbered: width >= 30 * scale && height >= 16 * scale };
}

/** Letters of a name that fit into the head. */
export const lettersIn = (head: number, scale: number): number => Math.floor(head / (LETTER * scale));

/** One of the two layers has the same output for every image: nothing can be like it. */
export const isConstant = (found: Pick<ComparedLayers, 'cka'>, { a, b }: LayerPair): boolean =>
  found.cka[a]?.[b] === null;

/** Layers of A that are constant, and those of B. */
export function constantLayers(found: Pick<ComparedLayers, 'cka' | 'a' | 'b'>): { a: number[]; b: number[] } {
  const [ofA, ofB] = [[...found.a.keys()], [...found.b.keys()]];
  return {
    a: ofA.filter((a) => ofB.length > 0 && ofB.every((b) => isConstant(found, { a, b }))),
    b: ofB.filter((b) => ofA.length > 0 && ofA.every((a) => isConstant(found, { a, b }))),
  };
}

export function similarTables(found: ComparedLayers): Table[] {
  const matrix = (name: string, measure: Measure): Table => ({
    name,
    head: [`layer of A \\ of B, ${plural(found.images, 'image')}`, ...found.b],
    rows: found.a.map((layer, a) => [layer, ...found.b.map((_, b) => valueOf(found, measure, { a, b }))]),
  });
  return [
    {
      name: 'Opposite layers',
      head: ['layer of A', 'layer of B', 'CKA', 'from', 'to', 'Procrustes'],
      rows: proposedPairs(found).map((pair) => {
        const [from, to] = found.cka_interval[pair.a]?.[pair.b] ?? [null, null];
        const [cka, procrustes] = [valueOf(found, 'cka', pair), valueOf(found, 'procrustes', pair)];
        return [found.a[pair.a], found.b[pair.b], cka, from, to, procrustes];
      }),
    },
    matrix('CKA', 'cka'),
    matrix('Procrustes', 'procrustes'),
  ];
}
