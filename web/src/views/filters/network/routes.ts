/** The lines of the network strip: where they run, in pixels. Pure. */
import type { GraphLayout, Node } from './graph';
import type { Rail } from './rails';

/** Distance from one rail to the next above it. The lowest needs no extra room. */
export const RAIL_PX = 9;
const CORNER_PX = 6;
/** Upright lines beside the border between two columns: those of branches before it, those of merges behind it. */
const SLOT_PX = 5;
/** Of the first lane: centre of a glyph below the top, the lowest rail above it, and height, alone and above others. */
const FIRST = { centre: 30, rail: 5, height: 103, aboveOthers: 98 };
/** Of the lanes below, which are closer; without a last line where there are more than three. */
const FURTHER = { centre: 18, rail: -4, height: 86, compact: 72 };
export const MAX_FULL_LANES = 3;

export interface Measures {
  pitch: number;
  /** Top of each lane. */
  tops: readonly number[];
}

function heightOf(lane: number, lanes: number): number {
  if (lane === 0) return lanes === 1 ? FIRST.height : FIRST.aboveOthers;
  return lanes > MAX_FULL_LANES ? FURTHER.compact : FURTHER.height;
}

/** Tops of the lanes, each below what lies above it (its rails and the names of modules), and the height of all. */
export function laneTops(above: readonly number[]): { tops: number[]; height: number } {
  let y = 0;
  const tops = above.map((own, lane) => {
    const top = y + own;
    y = top + heightOf(lane, above.length);
    return top;
  });
  return { tops, height: y };
}

/** Pixels above each lane that its rails need. */
export function railRoom(rails: readonly Rail[], lanes: number): number[] {
  const available = Array<number>(lanes).fill(0);
  for (const { lane, level } of rails)
    available[lane] = Math.max(available[lane], (lane === 0 ? level : level + 1) * RAIL_PX);
  return available;
}

type Point = readonly [x: number, y: number];

/** A line of level and upright pieces with round corners. */
export function rounded(points: readonly Point[]): string {
  const [start, ...rest] = points;
  let d = `M${start[0]},${start[1]}`;
  for (let i = 0; i < rest.length; i += 1) {
    const [from, at, to] = [points[i], rest[i], rest[i + 1]];
    if (!to) return `${d}L${at[0]},${at[1]}`;
    const radius = Math.min(CORNER_PX, distance(from, at) / 2, distance(at, to) / 2);
    const [a, b] = [toward(at, from, radius), toward(at, to, radius)];
    d += `L${a[0]},${a[1]}Q${at[0]},${at[1]} ${b[0]},${b[1]}`;
  }
  return d;
}

const distance = (a: Point, b: Point): number => Math.abs(a[0] - b[0]) + Math.abs(a[1] - b[1]);
const toward = (from: Point, to: Point, by: number): Point => [
  from[0] + Math.sign(to[0] - from[0]) * by,
  from[1] + Math.sign(to[1] - from[1]) * by,
];

interface Upright {
  gap: number;
  key: string;
  top: number;
  bottom: number;
}

/** Lines of a strip, for one layout and its measures. */
export class Routes {
  readonly #layout: GraphLayout;
  readonly #measures: Measures;
  /** Slots of the vertical lines after a layer (`out`) and before one (`in`). */
  readonly #slots = new Map<string, number>();
  /** For rails that end at one layer: their number, and the position of each. */
  readonly #landing = new Map<string, string[]>();

  constructor(layout: GraphLayout, measures: Measures) {
    this.#layout = layout;
    this.#measures = measures;
    this.#assign();
  }

  centre({ column, lane }: Pick<Node, 'column' | 'lane'>): [number, number] {
    return [column * this.#measures.pitch + this.#measures.pitch / 2, this.#y(lane)];
  }

  edge(from: Node, to: Node, way: 'lane' | 'branch' | 'merge'): string {
    const [[x, y], [x2, y2]] = [this.centre(from), this.centre(to)];
    if (way === 'lane' || y === y2) return `M${x},${y + 0.5}H${x2}`;
    const upright = way === 'branch' ? this.#out(from) : this.#in(to);
    return rounded([
      [x, y + 0.5],
      [upright, y + 0.5],
      [upright, y2 + 0.5],
      [x2, y2 + 0.5],
    ]);
  }

  /** A rail with the requested joins and taps, cut at two columns. */
  rail(rail: Rail, joins: readonly string[], taps: readonly string[], from: number, to: number): string {
    const nodes = (names: readonly string[]): Node[] =>
      names.flatMap((name) => this.#layout.byName.get(name) ?? []);
    const y = this.#railY(rail);
    const parts: string[] = [];
    const ends: number[] = [];
    const isSeen = ({ column }: Node): boolean => column >= from && column <= to;
    for (const node of nodes(joins)) {
      const [x, own] = this.centre(node);
      const upright = this.#out(node);
      ends.push(upright);
      if (!isSeen(node)) continue;
      const turn = rail.isBack ? -CORNER_PX : CORNER_PX;
      parts.push(rounded([[x, own + 0.5], [upright, own + 0.5], [upright, y], [upright + turn, y]])); // prettier-ignore
    }
    for (const node of nodes(taps)) {
      const [x, own] = this.centre(node);
      const isBelow = node.lane === rail.lane;
      const upright = isBelow ? x + this.#shift(rail.id, node.name) : this.#in(node);
      ends.push(upright);
      if (!isSeen(node)) continue;
      const turn = rail.isBack ? CORNER_PX : -CORNER_PX;
      parts.push(
        isBelow
          ? rounded([[upright + turn, y], [upright, y], [upright, own]])
          : rounded([[upright + turn, y], [upright, y], [upright, own + 0.5], [x, own + 0.5]]), // prettier-ignore
      );
    }
    if (!ends.length) return '';
    const { pitch } = this.#measures;
    const [left, right] = [
      Math.max(Math.min(...ends) + CORNER_PX, from * pitch),
      Math.min(Math.max(...ends) - CORNER_PX, (to + 1) * pitch),
    ];
    if (right > left) parts.push(`M${left},${y}H${right}`);
    return parts.join('');
  }

  #y(lane: number): number {
    return (this.#measures.tops[lane] ?? 0) + (lane === 0 ? FIRST : FURTHER).centre;
  }

  #railY({ lane, level }: Rail): number {
    const lowest = (lane === 0 ? FIRST : FURTHER).rail;
    return (this.#measures.tops[lane] ?? 0) + lowest - level * RAIL_PX + 0.5;
  }

  #out({ name, column }: Node): number {
    return (column + 1) * this.#measures.pitch - SLOT_PX * ((this.#slots.get(`out ${name}`) ?? 0) + 1) + 0.5;
  }

  #in({ name, column }: Node): number {
    return column * this.#measures.pitch + SLOT_PX * ((this.#slots.get(`in ${name}`) ?? 0) + 1) + 0.5;
  }

  /** Rails that come down on one layer stand side by side. */
  #shift(rail: string, name: string): number {
    const all = this.#landing.get(name) ?? [];
    return (all.indexOf(rail) - (all.length - 1) / 2) * SLOT_PX + 0.5;
  }

  #assign(): void {
    const uprights = new Map<string, Upright>();
    const add = (key: string, gap: number, a: number, b: number): void => {
      const [top, bottom] = [Math.min(a, b), Math.max(a, b)];
      const known = uprights.get(key);
      if (!known) uprights.set(key, { gap, key, top, bottom });
      else [known.top, known.bottom] = [Math.min(known.top, top), Math.max(known.bottom, bottom)];
    };
    for (const { from, to, way } of this.#layout.edges) {
      const [y, y2] = [this.#y(from.lane), this.#y(to.lane)];
      if (way === 'branch') add(`out ${from.name}`, from.column, y, y2);
      if (way === 'merge') add(`in ${to.name}`, to.column - 1, y, y2);
    }
    for (const rail of this.#layout.rails) {
      const y = this.#railY(rail);
      for (const name of rail.joins) {
        const node = this.#layout.byName.get(name);
        if (node) add(`out ${name}`, node.column, this.#y(node.lane), y);
      }
      for (const name of rail.taps) {
        const node = this.#layout.byName.get(name);
        if (!node) continue;
        if (node.lane !== rail.lane) add(`in ${name}`, node.column - 1, this.#y(node.lane), y);
        else this.#landing.set(name, [...(this.#landing.get(name) ?? []), rail.id]);
      }
    }
    const taken = new Map<string, Upright[]>();
    for (const one of [...uprights.values()].sort((a, b) => a.top - b.top)) {
      const side = one.key.slice(0, one.key.indexOf(' '));
      const overlaps = (other: Upright): boolean => other.top <= one.bottom && one.top <= other.bottom;
      let slot = 0;
      while ((taken.get(`${side} ${one.gap} ${slot}`) ?? []).some(overlaps)) slot += 1;
      const at = `${side} ${one.gap} ${slot}`;
      taken.set(at, [...(taken.get(at) ?? []), one]);
      this.#slots.set(one.key, slot);
    }
  }
}
