// The moves between two checkpoints as a picture: bands of predicted classes, ribbons of images between them. Pure.
import type { PredictionChange, PredictionChanges } from '../../../api/types';
import type { Table } from '../../../state/exportData';
import { changeKind, changeWords, endsOf, type ChangeKind } from '../lists/predictionChanges';

/** Number of bands: the classes with the fewest moves share the last one. */
export const MAX_BANDS = 20;
/** Number of ribbons that are drawn by default: the largest. The others are one grey band, and listed in the table. */
export const BUNDLED_FROM = 8;
/** Limit of ribbons where all are requested. */
export const MAX_RIBBONS = 300;
/** The band of several classes, in an address. */
const OTHERS = 'x';
/** Fills of the kinds: gained is plain, lost hatched, still wrong dotted (patterns of FlowPicture). */
export const KIND_FILLS: Record<ChangeKind, string> = {
  gained: 'var(--flow-gained)',
  lost: 'url(#flow-lost)',
  wrong: 'url(#flow-wrong)',
};
const KINDS: ChangeKind[] = ['gained', 'lost', 'wrong'];

export interface Bands {
  /** The classes of each band, from the top. */
  groups: number[][];
  /** The band of each class. */
  of: number[];
}

/** Bands in the order of the classes; where they are too many, those with most moves keep one of their own. */
export function flowBands(
  moves: readonly PredictionChange[],
  order: readonly number[],
  max = MAX_BANDS,
): Bands {
  let own = [...order];
  if (own.length > max) {
    const moved = new Map<number, number>();
    for (const move of moves)
      for (const k of [move.from, move.to]) moved.set(k, (moved.get(k) ?? 0) + move.count);
    const shownBands = new Set(
      [...order].sort((a, b) => (moved.get(b) ?? 0) - (moved.get(a) ?? 0) || a - b).slice(0, max - 1),
    );
    own = order.filter((k) => shownBands.has(k));
  }
  const groups = own.map((k) => [k]);
  const rest = order.filter((k) => !own.includes(k));
  if (rest.length) groups.push(rest);
  const of: number[] = [];
  groups.forEach((group, n) => group.forEach((k) => (of[k] = n)));
  return { groups, of };
}

/** Images of one kind that moved from one band to another (indices). */
export interface Ribbon {
  key: string;
  from: number;
  to: number;
  kind: ChangeKind;
  count: number;
}

const classOrRest = (bands: Bands, k: number): string => {
  const group = bands.groups[bands.of[k]];
  return group.length > 1 ? OTHERS : String(k);
};

/** `3-5-gained` in the address: predicted then, predicted now, and whether that was good. */
export const ribbonKey = (move: PredictionChange, bands: Bands): string =>
  `${classOrRest(bands, move.from)}-${classOrRest(bands, move.to)}-${changeKind(move)}`;

/** Moves from band to band, each kind a ribbon of its own, as one meets them from the top. */
export function ribbonsOf(moves: readonly PredictionChange[], bands: Bands): Ribbon[] {
  const found = new Map<string, Ribbon>();
  for (const move of moves) {
    const key = ribbonKey(move, bands);
    const ribbon = found.get(key);
    if (ribbon) ribbon.count += move.count;
    else {
      const [from, to] = [bands.of[move.from], bands.of[move.to]];
      found.set(key, { key, from, to, kind: changeKind(move), count: move.count });
    }
  }
  return [...found.values()].sort(
    (a, b) => a.from - b.from || a.to - b.to || KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind),
  );
}

/**
 * How many images each band keeps: those predicted as its classes then, less those that left. `class_index` counts the
 * images of one true class only.
 */
export function stayedOf(
  counts: ArrayLike<number>,
  ribbons: readonly Ribbon[],
  bands: Bands,
  class_index: number | null,
): number[] {
  const classes = bands.of.length;
  const sums = bands.groups.map((group) => {
    let sum = 0;
    for (const k of group)
      for (let truth = 0; truth < classes; truth++)
        if (class_index === null || truth === class_index) sum += counts[truth * classes + k];
    return sum;
  });
  for (const ribbon of ribbons) sums[ribbon.from] -= ribbon.count;
  return sums.map((sum) => Math.max(0, sum));
}

export interface FlowBar {
  y: number;
  height: number;
  count: number;
}

export interface DrawnRibbon {
  /** Its upper edge on the left and on the right. */
  y0: number;
  y1: number;
  thickness: number;
}

/** The ribbons that are not drawn one by one: they run together in the middle, and apart again. */
export interface Bundle {
  count: number;
  /** Path from the bands on the left to the middle. */
  into: DrawnRibbon[];
  /** Path from the middle to the bands on the right. */
  out: DrawnRibbon[];
}

export interface FlowLayout {
  left: FlowBar[];
  right: FlowBar[];
  ribbons: (Ribbon & DrawnRibbon)[];
  stayed: (DrawnRibbon & { band: number; count: number })[];
  bundle: Bundle | null;
}

export interface FlowSize {
  height: number;
  gap: number;
  /** Every band has room for its name. */
  min: number;
}

const total = (values: readonly number[]) => values.reduce((sum, one) => sum + one, 0);

/** The scale at which the slots of a side fill the height, each at least as high as its name. */
function scaleFor(counts: readonly number[], height: number, min: number): number {
  let [low, high] = [0, height / Math.max(1, total(counts))];
  for (let n = 0; n < 40; n++) {
    const middle = (low + high) / 2;
    if (total(counts.map((one) => Math.max(min, one * middle))) > height) high = middle;
    else low = middle;
  }
  return low;
}

type Side = 'from' | 'to';

const imagesOf = (ribbons: readonly Ribbon[], side: Side, band: number): number =>
  total(ribbons.filter((one) => one[side] === band).map((one) => one.count));

/** The bars of a side, in slots that are as high as their names at least. */
function barsOf(counts: readonly number[], scale: number, { height, gap, min }: FlowSize): FlowBar[] {
  const slots = counts.map((count) => Math.max(min, count * scale));
  let y = Math.max(0, (height - total(slots)) / 2);
  return counts.map((count, band): FlowBar => {
    const bar = { y: y + (slots[band] - count * scale) / 2, height: count * scale, count };
    y += slots[band] + gap;
    return bar;
  });
}

/**
 * Bands and ribbons in pixels: an image is as high on the left as on the right, and a band begins where it ends. The
 * `rest` are in the bundle.
 */
export function flowLayout(
  ribbons: readonly Ribbon[],
  stayed: readonly number[] | null,
  bands: number,
  available: FlowSize,
  rest: readonly Ribbon[] = [],
): FlowLayout {
  const bundled = (side: Side, band: number) => imagesOf(rest, side, band);
  const stay = (band: number) => stayed?.[band] ?? 0;
  const sides = (['from', 'to'] as const).map((side) =>
    Array.from(
      { length: bands },
      (_, band) => imagesOf(ribbons, side, band) + stay(band) + bundled(side, band),
    ),
  );
  const height = available.height - available.gap * (bands - 1);
  const min = Math.min(available.min, height / Math.max(1, bands));
  const scale = Math.min(...sides.map((counts) => scaleFor(counts, height, min)));
  const [left, right] = sides.map((counts) => barsOf(counts, scale, { ...available, height, min }));
  // On either side a band's ribbons lie in the order of the bands they lead to, so that they cross least.
  const ends: { y0: number; y1: number }[] = ribbons.map(() => ({ y0: 0, y1: 0 }));
  const stayedEnds = Array.from({ length: bands }, () => ({ y0: 0, y1: 0 }));
  const bundleEnds = Array.from({ length: bands }, () => ({ y0: 0, y1: 0 }));
  const place = (side: Side, bars: FlowBar[], end: 'y0' | 'y1') => {
    const other = side === 'from' ? 'to' : 'from';
    bars.forEach((bar, band) => {
      const parts = [
        ...ribbons.flatMap((one, n) =>
          one[side] === band ? [{ at: one[other], count: one.count, put: ends[n] }] : [],
        ),
        { at: band, count: stay(band), put: stayedEnds[band] },
        // The middle of the picture, where the bundle lies.
        { at: (bands - 1) / 2, count: bundled(side, band), put: bundleEnds[band] },
      ].sort((a, b) => a.at - b.at);
      let y = bar.y;
      for (const part of parts) {
        part.put[end] = y;
        y += part.count * scale;
      }
    });
  };
  place('from', left, 'y0');
  place('to', right, 'y1');
  return {
    left,
    right,
    ribbons: ribbons.map((one, n) => ({ ...one, ...ends[n], thickness: one.count * scale })),
    stayed: stayedEnds.flatMap((end, band) =>
      stay(band) ? [{ ...end, band, count: stay(band), thickness: stay(band) * scale }] : [],
    ),
    bundle: bundleOf(
      rest,
      (side, band) => ({
        at: bundleEnds[band][side === 'from' ? 'y0' : 'y1'],
        thickness: bundled(side, band) * scale,
      }),
      { bands, middle: available.height / 2 },
    ),
  };
}

/** The halves of the bundle: in the middle the bands' parts lie one below the other, in the order of the bands. */
function bundleOf(
  rest: readonly Ribbon[],
  end: (side: Side, band: number) => { at: number; thickness: number },
  { bands, middle }: { bands: number; middle: number },
): Bundle | null {
  if (!rest.length) return null;
  const half = (side: Side): DrawnRibbon[] => {
    const parts = Array.from({ length: bands }, (_, band) => end(side, band));
    let y = middle - total(parts.map((one) => one.thickness)) / 2;
    return parts.flatMap(({ at, thickness }) => {
      const inner = y;
      y += thickness;
      if (!thickness) return [];
      return [side === 'from' ? { y0: at, y1: inner, thickness } : { y0: inner, y1: at, thickness }];
    });
  };
  return { count: total(rest.map((one) => one.count)), into: half('from'), out: half('to') };
}

const tenth = (value: number) => Math.round(value * 10) / 10;

/** A ribbon between two uprights, level at both ends. */
export function ribbonPath({ y0, y1, thickness }: DrawnRibbon, x0: number, x1: number): string {
  const [a, b, c, d] = [y0, y1, y1 + thickness, y0 + thickness].map(tenth);
  const middle = tenth((x0 + x1) / 2);
  return `M${x0} ${a}C${middle} ${a} ${middle} ${b} ${x1} ${b}V${c}C${middle} ${c} ${middle} ${d} ${x0} ${d}Z`;
}

/** The largest ribbons in their order, with the chosen one, and what is left out. */
export function largest(
  ribbons: readonly Ribbon[],
  max = MAX_RIBBONS,
  chosen: string | null = null,
): { drawn: Ribbon[]; rest: Ribbon[] } {
  if (ribbons.length <= max) return { drawn: [...ribbons], rest: [] };
  const kept = new Set([...ribbons].sort((a, b) => b.count - a.count).slice(0, max));
  const isDrawn = (one: Ribbon) => kept.has(one) || one.key === chosen;
  return { drawn: ribbons.filter(isDrawn), rest: ribbons.filter((one) => !isDrawn(one)) };
}

export const bandName = (bands: Bands, band: number, names: readonly string[]): string => {
  const group = bands.groups[band];
  return group.length === 1 ? (names[group[0]] ?? '') : `${group.length} others`;
};

/** The ribbons as rows: what the picture shows, for those who read. */
export const flowTable = (
  { from, to }: Pick<PredictionChanges, 'from' | 'to'>,
  ribbons: readonly Ribbon[],
  name: (band: number) => string,
  isFromB = false,
): Table => ({
  name: isFromB ? `Flow from B at ${from} to A at ${to}` : `Flow ${from} to ${to}`,
  head: [...Object.values(endsOf({ from, to }, isFromB)).map((end) => `predicted ${end}`), 'right', 'images'],
  rows: ribbons.map((one) => [name(one.from), name(one.to), changeWords(isFromB)[one.kind], one.count]),
});
