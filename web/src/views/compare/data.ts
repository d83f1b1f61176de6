// Computations of the compare view: the selection in the address, defaults, strongest filters and channels,
// and positions of tiles. Pure: no DOM, no requests.

export type Row = number | 'now';
export type ScaleOver = 'filter' | 'sheet' | 'timeline';
export type FilterChoice = { strongest: number } | { list: number[] };
export type ChannelChoice = 'strongest' | number;

/** Rows in the address: `0,1,5,now`. Unknown parts and repeats are dropped; null when nothing is left. */
export function parseRows(text: string | null | undefined, checkpoints: number): Row[] | null {
  if (!text) return null;
  const rows: Row[] = [];
  for (const part of text.split(',')) {
    const row: Row | null =
      part === 'now' ? 'now' : /^\d+$/.test(part) && Number(part) < checkpoints ? Number(part) : null;
    if (row !== null && !rows.includes(row)) rows.push(row);
  }
  return rows.length ? sortRows(rows) : null;
}

export const formatRows = (rows: readonly Row[]): string => rows.join(',');

/** Checkpoints in time order; `now` always last, so that the moving row has a fixed place. */
export function sortRows(rows: readonly Row[]): Row[] {
  const fixed = rows.filter((row): row is number => row !== 'now').sort((a, b) => a - b);
  return rows.includes('now') ? [...fixed, 'now'] : fixed;
}

/** Early checkpoints densely, later ones ever farther apart, and now: most is learned early. */
export function defaultRows(checkpoints: number, available: number): Row[] {
  const last = checkpoints - 1;
  const wanted = [0, 1, 2, 5, 10, 20, 40, 80, 160, 320, 640].filter((c) => c < last);
  const keep = Math.max(0, available - 1);
  while (wanted.length < keep) {
    const more = suggestRow(wanted, checkpoints);
    if (more === null || more >= last) break;
    wanted.push(more);
    wanted.sort((a, b) => a - b);
  }
  while (wanted.length > keep) {
    // drop the one whose neighbours lie closest, never the first
    let drop = wanted.length - 1;
    let min = Infinity;
    for (let n = 1; n < wanted.length; n++) {
      const next = wanted[n + 1] ?? last;
      const gap = Math.log((next + 1) / (wanted[n - 1] + 1));
      if (gap < min) {
        min = gap;
        drop = n;
      }
    }
    wanted.splice(drop, 1);
  }
  return [...wanted, 'now'];
}

/** A checkpoint that is worth adding: the middle of the largest gap in log time. */
export function suggestRow(rows: readonly Row[], checkpoints: number): number | null {
  const fixed = rows.filter((row): row is number => row !== 'now');
  let best: number | null = null;
  let widest = 0;
  const marks = [...fixed.sort((a, b) => a - b), checkpoints];
  let previous = -1;
  for (const mark of marks) {
    if (mark - previous > 1) {
      const gap = Math.log((mark + 1) / (previous + 2));
      if (gap > widest) {
        widest = gap;
        const middle = Math.round(Math.sqrt((mark + 1) * (previous + 2))) - 1;
        best = Math.max(previous + 1, Math.min(mark - 1, middle));
      }
    }
    previous = mark;
  }
  return best;
}

/** Layers in the address: names joined by commas; those the run does not have are dropped. */
export function parseLayers(text: string | null | undefined, known: readonly string[]): string[] | null {
  if (!text) return null;
  const wanted = text.split(',');
  const layers = known.filter((name) => wanted.includes(name));
  return layers.length ? layers : null;
}

/** Most filters that are compared. */
export const EVERY = 256;

/** `12` is the twelve strongest; `f3.7.9` is a list. */
export function parseFilters(text: string | null | undefined): FilterChoice | null {
  if (!text) return null;
  if (/^\d+$/.test(text)) return Number(text) > 0 ? { strongest: Math.min(256, Number(text)) } : null;
  const list = /^f(\d+(?:\.\d+)*)$/.exec(text);
  return list ? { list: [...new Set(list[1].split('.').map(Number))] } : null;
}

export function formatFilters(choice: FilterChoice): string {
  return 'strongest' in choice ? String(choice.strongest) : `f${choice.list.join('.')}`;
}

/** A list as one would type it: `0-5 9`. */
export function ranges(list: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const k of list) {
    const last = parts.at(-1);
    if (last && k === last[1] + 1) last[1] = k;
    else parts.push([k, k]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(' ');
}

/** Parses the text of the field: `12`, `strongest 12`, `3 7 9`, `0-5, 9`, `all`. Null where it cannot be parsed. */
export function readFilters(text: string): FilterChoice | null {
  const trimmed = text.trim().toLowerCase();
  if (trimmed === 'all') return { strongest: EVERY };
  const strongest = /^(?:strongest\s+)?(\d+)(?:\s+strongest)?$/.exec(trimmed);
  if (strongest) return Number(strongest[1]) > 0 ? { strongest: Math.min(EVERY, Number(strongest[1])) } : null;
  const list: number[] = [];
  for (const part of trimmed.split(/[\s,]+/).filter(Boolean)) {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!range) return null;
    const first = Number(range[1]);
    const last = Number(range[2] ?? range[1]);
    for (let k = first; k <= last && list.length < EVERY; k++) if (!list.includes(k)) list.push(k);
  }
  return list.length ? { list } : null;
}

export function parseChannel(text: string | null | undefined): ChannelChoice | null {
  if (text === 'strongest') return 'strongest';
  return text && /^\d+$/.test(text) ? Number(text) : null;
}

/** The indices of the largest values, largest first; ties by index. */
export function strongest(values: readonly number[], max: number): number[] {
  // A value that is not finite comes last.
  const known = values.map((value) => (Number.isFinite(value) ? value : -Infinity));
  return values
    .map((_, k) => k)
    .sort((a, b) => (known[a] === known[b] ? a - b : known[b] - known[a]))
    .slice(0, max);
}

/** The filters of a layer that a choice means, by their values of a measure; those the layer does not have are left out. */
export function chosenFilters(choice: FilterChoice, values: readonly number[]): number[] {
  if ('strongest' in choice) return strongest(values, choice.strongest);
  return choice.list.filter((k) => k < values.length);
}

/** For each requested filter, the channel whose kernel has the largest sum of squares. */
export function strongestChannels(
  weights: Float32Array,
  shape: readonly [number, number, number, number],
  filters: readonly number[],
): number[] {
  const [, channels, height, width] = shape;
  const size = height * width;
  return filters.map((k) => {
    let best = 0;
    let max = -1;
    for (let c = 0; c < channels; c++) {
      const start = (k * channels + c) * size;
      let sum = 0;
      for (let i = start; i < start + size; i++) sum += weights[i] * weights[i];
      if (sum > max) {
        max = sum;
        best = c;
      }
    }
    return best;
  });
}

export interface SheetTiles {
  tile_width: number;
  tile_height: number;
  columns: number;
  gap: number;
  filters: number[];
  channels: number[];
  rgb: boolean;
}

/** The top left pixel of a filter's (and channel's) tile in a sheet; null where the sheet does not hold it. */
export function tileAt(
  sheet: SheetTiles,
  filter: number,
  channel: number | null,
): { x: number; y: number } | null {
  const row = sheet.filters.indexOf(filter);
  if (row < 0) return null;
  const grid = sheet.rgb || sheet.channels.length <= 1 || channel === null;
  const column = grid ? 0 : sheet.channels.indexOf(channel);
  if (column < 0) return null;
  const place = grid ? { column: row % sheet.columns, row: Math.floor(row / sheet.columns) } : { column, row };
  return {
    x: place.column * (sheet.tile_width + sheet.gap),
    y: place.row * (sheet.tile_height + sheet.gap),
  };
}

/** Side of a tile on screen: the whole multiple of its pixels that is nearest to `side`, at least one. */
export function tileSide(pixels: number, side: number): number {
  return pixels * Math.max(1, Math.round(side / Math.max(1, pixels)));
}

/** Number of tiles that fit side by side. */
export function tilesThatFit(width: number, pitch: number): number {
  return Math.max(1, Math.floor((width + 2) / pitch));
}
