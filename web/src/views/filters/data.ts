/** What the Filters view computes: where tiles lie, what lies under the pointer, what is said of a layer. Pure. */
import type { Layer, SheetGeometry } from '../../api/types';
import { count } from '../../base/format';
import { gridHeight, gridWidth, type Cell, type Grid } from '../../base/scales';

/** How a layer's weights are laid out on the page. */
export type Arrangement = 'tiles' | 'matrix' | 'heat' | 'none';

/**
 * Tiles where a filter is one picture (it sees colour, or one channel), a matrix of kernels otherwise, a heat map where
 * a kernel is a single weight. `input` is the name of the network's input layer.
 */
export function arrangementOf(layer: Pick<Layer, 'sheet_shape' | 'inputs'>, input: string): Arrangement {
  if (!layer.sheet_shape) return 'none';
  const [, channels, height, width] = layer.sheet_shape;
  if (channels === 1 && height * width > 1) return 'tiles';
  if (channels === 3 && layer.inputs[0] === input) return 'tiles';
  return height * width === 1 ? 'heat' : 'matrix';
}

/** The sheet's own arrangement: one tile per filter, or filters in rows and channels in columns. */
export function isMatrix(sheet: Pick<SheetGeometry, 'rgb' | 'filters' | 'channels'>): boolean {
  return !sheet.rgb && sheet.channels.length > 1;
}

export function tileCount(sheet: Pick<SheetGeometry, 'rgb' | 'filters' | 'channels'>): number {
  return isMatrix(sheet) ? sheet.filters.length * sheet.channels.length : sheet.filters.length;
}

export interface Unit {
  filter: number;
  channel: number | null;
}

/** The filter (and channel) a tile shows, by its row-major number. */
export function unitAt(sheet: Pick<SheetGeometry, 'rgb' | 'filters' | 'channels'>, tile: number): Unit {
  if (!isMatrix(sheet)) return { filter: sheet.filters[tile], channel: null };
  const across = sheet.channels.length;
  return { filter: sheet.filters[Math.floor(tile / across)], channel: sheet.channels[tile % across] };
}

/** The tile that shows a filter (and channel); -1 when it is not in the sheet. */
export function tileOf(sheet: Pick<SheetGeometry, 'rgb' | 'filters' | 'channels'>, filter: number, channel: number | null): number {
  const row = sheet.filters.indexOf(filter);
  if (row < 0) return -1;
  if (!isMatrix(sheet)) return row;
  const column = sheet.channels.indexOf(channel ?? sheet.channels[0]);
  return column < 0 ? -1 : row * sheet.channels.length + column;
}

export interface Room {
  width: number;
  height: number;
}

export interface TileSize {
  tiles: number;
  tileWidth: number;
  tileHeight: number;
  gap: number;
}

/**
 * The grid that shows tiles largest in a room: whole scales only, full rows preferred over ragged ones, and of two
 * that are equally large the one nearer to `like` columns (so that a filter has one position in bank and maps).
 */
export function bestGrid(size: TileSize, room: Room, like: number, largest = 96): Grid {
  const { tiles, tileWidth, tileHeight, gap } = size;
  const most = Math.max(1, Math.min(tiles, Math.floor((room.width + gap) / (tileWidth + gap))));
  let best: { score: number; grid: Grid } | null = null;
  for (let columns = 1; columns <= most; columns += 1) {
    const rows = Math.ceil(tiles / columns);
    const across = Math.floor(((room.width + gap) / columns - gap) / tileWidth);
    const down = Math.floor(((room.height + gap) / rows - gap) / tileHeight);
    const scale = Math.max(1, Math.min(across, down, Math.max(1, Math.floor(largest / tileWidth))));
    const ragged = rows * columns - tiles;
    // Too tall for the room even at scale 1 is worse than anything that fits.
    const overflow = Math.max(0, rows * (tileHeight * scale + gap) - gap - room.height);
    const score = scale * (ragged > 0 ? 0.78 : 1) - 0.004 * Math.abs(columns - like) - overflow * 10;
    if (!best || score > best.score) best = { score, grid: { columns, rows, scaleX: scale, scaleY: scale, tileWidth, tileHeight, gap } };
  }
  return best?.grid ?? { columns: 1, rows: tiles, scaleX: 1, scaleY: 1, tileWidth, tileHeight, gap };
}

/** A grid with given columns at the largest whole scale that fits. */
export function gridOf(size: TileSize, columns: number, room: Room, largest = 96): Grid {
  const { tiles, tileWidth, tileHeight, gap } = size;
  const rows = Math.ceil(tiles / columns);
  const across = Math.floor(((room.width + gap) / columns - gap) / tileWidth);
  const down = Math.floor(((room.height + gap) / rows - gap) / tileHeight);
  const scale = Math.max(1, Math.min(across, down, Math.max(1, Math.floor(largest / tileWidth))));
  return { columns, rows, scaleX: scale, scaleY: scale, tileWidth, tileHeight, gap };
}

/**
 * The kernel matrix: filters in rows, channels in columns. Single weights (fully connected layers) become a heat map
 * without gaps whose cells may be taller than wide; kernels keep their shape and a gap of one pixel.
 */
export function matrixGrid(sheet: Pick<SheetGeometry, 'filters' | 'channels' | 'tile_width' | 'tile_height'>, room: Room): Grid {
  const { tile_width: tileWidth, tile_height: tileHeight } = sheet;
  const [columns, rows] = [sheet.channels.length, sheet.filters.length];
  if (tileWidth === 1 && tileHeight === 1) {
    const across = Math.max(1, Math.min(24, Math.floor(room.width / columns)));
    const down = Math.max(1, Math.min(24, Math.floor(room.height / rows)));
    const gap = across >= 4 && down >= 4 ? 1 : 0;
    // Never wider than high by much: a cell stays a cell.
    return { columns, rows, scaleX: Math.min(across, down * 2) - gap, scaleY: Math.min(down, Math.max(4, across * 4)) - gap, tileWidth, tileHeight, gap };
  }
  const gap = 1;
  const across = Math.floor(((room.width + gap) / columns - gap) / tileWidth);
  const down = Math.floor(((room.height + gap) / rows - gap) / tileHeight);
  const fits = Math.min(across, down);
  // Below two pixels a value nothing can be seen: then the matrix is scrolled instead.
  const scale = fits >= 2 ? Math.min(fits, 8) : Math.max(1, Math.min(2, across));
  return { columns, rows, scaleX: scale, scaleY: scale, tileWidth, tileHeight, gap };
}

export interface Arranged {
  /** Null where the layer has no weights, or they are not wanted. */
  bank: { grid: Grid; width: number; height: number; scrolls: boolean } | null;
  maps: { grid: Grid; width: number } | null;
  /** Where the pinned filter is told of: below everything, or under the maps. */
  inspector: { where: 'below' | 'right' | 'none'; width: number; height: number; detail: boolean };
  /** The weights above, the activations below them. */
  stacked: boolean;
}

export type Show = 'filters' | 'activations' | 'both';

const CAP = 24;
const AXES = { side: 32, foot: 24 };
const INSPECTOR = { least: 148, like: 236, rule: 41 };

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/**
 * Divides the body of the view between weights, activations and the pinned filter. It depends on the layer and the
 * room alone, so nothing moves when pictures arrive or the checkpoint changes.
 */
export function arrange(layer: Pick<Layer, 'sheet_shape' | 'shape' | 'inputs'>, input: string, show: Show, body: Room): Arranged {
  const { width } = body;
  const height = Math.max(320, body.height);
  const kind = arrangementOf(layer, input);
  const gap = width >= 1060 ? 68 : 36;
  const maps: TileSize = { tiles: layer.shape.channels, tileWidth: layer.shape.width, tileHeight: layer.shape.height, gap: 2 };
  if (kind === 'none' || !layer.sheet_shape) {
    const grid = mapsGrid(maps, { width, height: height - CAP - 16 }, 8);
    return { bank: null, maps: { grid, width: Math.max(264, gridWidth(grid)) }, inspector: { where: 'none', width: 0, height: 0, detail: false }, stacked: false };
  }
  const [filters, channels, tileHeight, tileWidth] = layer.sheet_shape;
  const [wantsBank, wantsMaps] = [show !== 'activations', show !== 'filters'];
  if (kind === 'tiles') {
    const tall = height - CAP - INSPECTOR.rule - Math.max(INSPECTOR.least, Math.min(INSPECTOR.like, height - CAP - INSPECTOR.rule - 264));
    const size: TileSize = { tiles: filters, tileWidth, tileHeight, gap: 1 };
    const mapGrid = wantsMaps ? mapsGrid(maps, { width: wantsBank ? Math.floor(width * 0.58) : width, height: tall }, 8) : null;
    const free = { width: width - (mapGrid ? gridWidth(mapGrid) + gap : 0), height: tall };
    // The same columns in both: a filter has one position.
    const grid = mapGrid && filters === layer.shape.channels ? gridOf(size, mapGrid.columns, free) : bestGrid(size, free, 8);
    const used = Math.max(wantsBank ? gridHeight(grid) : 0, mapGrid ? gridHeight(mapGrid) : 0);
    return {
      bank: wantsBank ? { grid, width: gridWidth(grid), height: tall, scrolls: gridHeight(grid) > tall + 8 } : null,
      maps: mapGrid && { grid: mapGrid, width: gridWidth(mapGrid) },
      inspector: { where: 'below', width, height: Math.max(148, height - CAP - used - INSPECTOR.rule), detail: wantsBank },
      stacked: false,
    };
  }
  const stacked = kind === 'heat' && channels * 4 > width * 0.55;
  const share = wantsMaps && stacked ? Math.floor((height - 2 * CAP) * 0.45) : height - CAP - AXES.foot;
  const bankRoom = { width: (stacked ? width : Math.floor(width * 0.56)) - AXES.side, height: share };
  const grid = matrixGrid({ filters: range(filters), channels: range(channels), tile_width: tileWidth, tile_height: tileHeight }, bankRoom);
  const scrolls = gridHeight(grid) > bankRoom.height + 8 || gridWidth(grid) > bankRoom.width + 8;
  const bankWidth = Math.min(gridWidth(grid), bankRoom.width) + AXES.side;
  const bank = wantsBank ? { grid, width: bankWidth, height: bankRoom.height + (scrolls ? AXES.foot : 0), scrolls } : null;
  const side = bank && !stacked ? width - bankWidth - gap + AXES.side : stacked ? Math.floor((width - gap) / 2) : width;
  const top = bank && stacked ? Math.min(gridHeight(grid), share) + CAP + AXES.foot + 16 : 0;
  const mapGrid = wantsMaps ? mapsGrid(maps, { width: side, height: height - CAP - top - (stacked ? 8 : 236) }, 8) : null;
  const under = mapGrid && !stacked ? gridHeight(mapGrid) + CAP : 0;
  return {
    bank,
    maps: mapGrid && { grid: mapGrid, width: stacked ? side : Math.max(264, Math.min(side, gridWidth(mapGrid))) },
    inspector: { where: stacked && !mapGrid ? 'below' : 'right', width: side, height: Math.max(150, Math.min(360, height - top - under - INSPECTOR.rule)), detail: false },
    stacked,
  };
}

/** Activations: maps as large as they fit; single units as squares of a size one can point at. */
function mapsGrid(size: TileSize, room: Room, like: number): Grid {
  const units = size.tileWidth === 1 && size.tileHeight === 1;
  return bestGrid(size, units ? { width: Math.min(room.width, 528), height: Math.min(room.height, 264) } : room, units ? 16 : like, units ? 64 : 128);
}

export interface Axis {
  at: number;
  label: string;
}

/** Labels along a matrix: the first, the last, and round ones between that do not touch either. */
export function axisLabels(numbers: readonly number[], pitch: number, least = 40): Axis[] {
  const n = numbers.length;
  if (n === 0) return [];
  const step = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].find((s) => s * pitch >= least) ?? 1024;
  const out: Axis[] = [];
  for (let i = 0; i < n; i += step) if (i === 0 || (n - 1 - i) * pitch >= least * 0.6) out.push({ at: (i + 0.5) * pitch, label: String(numbers[i]) });
  if (n > 1) out.push({ at: (n - 0.5) * pitch, label: String(numbers[n - 1]) });
  return out;
}

/** "32 filters, 5 × 5 × 3, 2,432 parameters". */
export function describeLayer(layer: Layer): string {
  const { shape, sheet_shape: weights, weight_shape: stored } = layer;
  const plane = shape.height === 1 && shape.width === 1 ? `${count(shape.channels)} units` : `${count(shape.channels)} maps of ${shape.height} × ${shape.width}`;
  if (!weights) return `${layer.type}, ${plane}`;
  const parameters = `${count(layer.parameters)} parameters`;
  const [k, c, r, w] = weights;
  if (stored?.length === 2) return `${count(k)} units × ${count(stored[1])} inputs${r * w > 1 ? ` (${c} × ${r} × ${w})` : ''}, ${parameters}`;
  const own = stored?.length === 6 ? `, own at each of ${stored[0]} × ${stored[1]} places` : '';
  return c <= 3 ? `${k} filters, ${r} × ${w} × ${c}${own}, ${parameters}` : `${k} filters × ${c} channels, ${r} × ${w}${own}, ${parameters}`;
}

/** "32 × 16²", "64 × 8 × 4", "10". */
export function shortShape(shape: Layer['shape']): string {
  const { channels, height, width } = shape;
  if (height === 1 && width === 1) return String(channels);
  return height === width ? `${channels} × ${height}²` : `${channels} × ${height} × ${width}`;
}

/** "moved 0.6 %": how far the weights went since the checkpoint before. */
export function movedLabel(moved: number | null | undefined, first: boolean): string {
  if (first) return 'untrained';
  if (moved === null || moved === undefined || !Number.isFinite(moved)) return ' ';
  const share = moved * 100;
  return `moved ${share < 10 ? share.toFixed(1) : share.toFixed(0)} %`;
}

/** Where a value lies in `[filters, channels, h, w]` floats. */
export function valueIndex(shape: readonly number[], at: { filter: number; channel: number; y: number; x: number }): number {
  const [, channels, height, width] = shape;
  return ((at.filter * channels + at.channel) * height + at.y) * width + at.x;
}

/** A filter's place in the order of norms, the largest first. */
export function rank(norms: readonly number[], filter: number): number {
  return norms.filter((norm) => norm > norms[filter]).length + 1;
}

/** The checkpoints whose frames fit into a film: every one, or every second, third, … */
export function filmFrames(checkpoints: number, width: number, tile: number): number[] {
  const room = Math.max(1, Math.floor(width / (tile + 1)));
  const stride = Math.max(1, Math.ceil(checkpoints / room));
  return Array.from({ length: Math.ceil(checkpoints / stride) }, (_, i) => i * stride);
}

/** Moves the pin with the arrow keys. */
export function movePin(cells: { columns: number; tiles: number }, tile: number, key: string): number | null {
  const { columns, tiles } = cells;
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  if (by !== undefined) {
    const to = tile + by;
    return to >= 0 && to < tiles ? to : tile;
  }
  if (key === 'Home') return 0;
  if (key === 'End') return tiles - 1;
  return null;
}

export const size = (grid: Grid): Room => ({ width: gridWidth(grid), height: gridHeight(grid) });

/** The words of the tooltip over a sheet. */
export function spot(sheet: SheetGeometry, cell: Cell, activations: boolean): { head: string; place: string } {
  const { filter, channel } = unitAt(sheet, cell.index);
  const single = sheet.tile_width === 1 && sheet.tile_height === 1;
  const head = `${activations ? (single ? 'unit' : 'map') : 'filter'} ${filter}`;
  const parts = [channel === null ? '' : `${single ? 'input' : 'channel'} ${channel}`, single ? '' : `at ${cell.y}, ${cell.x}`];
  return { head, place: parts.filter(Boolean).join('  ') };
}
