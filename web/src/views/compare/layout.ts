// A layer's column: sizes and places of its tiles and of its filters' numbers. Pure.
import { tilesThatFit } from './data';

/** A layer as a column: what is drawn of it, at which sizes. */
export interface Column {
  layer: string;
  filters: number[];
  /** All the filters the layer has. */
  of: number;
  /** Values of a kernel, and its side on screen; null where a kernel is no picture. */
  kernel: { height: number; width: number; side_x: number; side_y: number } | null;
  map: { height: number; width: number; side_x: number; side_y: number } | null;
  /** Whether the kernels are colour pictures of all three channels; else one channel of each filter is drawn. */
  rgb: boolean;
  /** The channel of each filter; null for all of them in colour. */
  channels: number[] | null;
  pitch: number;
  per_line: number;
  lines: number;
  /** Height of one line: kernel above, activation below. */
  line_height: number;
  height: number;
  /** Of each line the height of the filters' numbers above its tiles; 0 where only the head has them. */
  numbers: number;
}

export const TILE = 32;
const GAP = 2;
const LINE_GAP = 6;
/** Up to this number of lines of tiles the head has the numbers of the filters. */
const HEAD_LINES = 2;
export const NUMBERS = 13;

/** A whole scale near the tile's side; a tile that grew beyond the usual is never exceeded. */
const sides = (height: number, width: number, tile: number) => {
  const fits = tile / Math.max(height, width);
  // A kernel of 3 x 3 at scale 11 is wider than the map below it, and takes a twelfth filter into a line of its own.
  const isNear = Math.floor(fits) * Math.max(height, width) >= tile - TILE / 8;
  const scale = Math.max(1, tile > TILE || isNear ? Math.floor(fits) : Math.round(fits));
  return { height, width, side_x: width * scale, side_y: height * scale };
};

/** Side of a tile: where few filters leave room in their line, up to `max` pixels. */
export const grownTile = (filters: number, width: number, max: number): number =>
  Math.max(TILE, Math.min(max, Math.floor((width + GAP) / Math.max(1, filters)) - GAP));

export interface LayerFacts {
  name: string;
  of: number;
  /** Height and width of a kernel; null where the layer has none worth drawing. */
  kernel: [number, number] | null;
  map: [number, number];
  channels: number;
}

/** Layout of a layer in a column of `width` pixels. */
export function layColumn(
  facts: LayerFacts,
  chosen: { filters: number[]; channels: number[] | null },
  width: number,
  applied: boolean,
  max = TILE,
): Column {
  const tile = grownTile(chosen.filters.length, width, max);
  const kernel = facts.kernel && facts.kernel[0] * facts.kernel[1] > 1 ? sides(...facts.kernel, tile) : null;
  const map = applied ? sides(...facts.map, tile) : null;
  const pitch = Math.max(TILE - 2, kernel?.side_x ?? 0, map?.side_x ?? 0) + GAP;
  const per_line = tilesThatFit(width, pitch);
  const lines = Math.max(1, Math.ceil(chosen.filters.length / per_line));
  const heights = [kernel?.side_y, map?.side_y].filter((side): side is number => side !== undefined);
  const numbers = lines > HEAD_LINES ? NUMBERS : 0;
  const line_height = heights.reduce((a, b) => a + b, 0) + Math.max(0, heights.length - 1) * GAP || TILE;
  return {
    layer: facts.name,
    filters: chosen.filters,
    of: facts.of,
    kernel,
    map,
    rgb: facts.channels === 3 && chosen.channels === null,
    channels: chosen.channels,
    pitch,
    per_line,
    lines,
    line_height,
    height: lines * (numbers + line_height + LINE_GAP) - LINE_GAP,
    numbers,
  };
}

/** The numbers of the filters as the head has them: the place of each line's filters; none where the lines have them. */
export const headNumbers = (column: Column): { filter: number; x: number; line: number }[] =>
  column.numbers
    ? []
    : column.filters.map((filter, n) => ({
        filter,
        x: placeOf(column, n).x,
        line: Math.floor(n / column.per_line),
      }));

/** Position of the n-th filter's tile in its column. */
export function placeOf(column: Column, n: number): { x: number; y: number } {
  return {
    x: (n % column.per_line) * column.pitch,
    y: Math.floor(n / column.per_line) * (column.numbers + column.line_height + LINE_GAP) + column.numbers,
  };
}

/** The filter under a point of a column, as its number in the column's list; -1 where there is none. */
export function tileUnder(column: Column, x: number, y: number): number {
  const across = Math.floor(x / column.pitch);
  const down = Math.floor(y / (column.numbers + column.line_height + LINE_GAP));
  const n = down * column.per_line + across;
  return x >= 0 && y >= 0 && across < column.per_line && n < column.filters.length ? n : -1;
}
