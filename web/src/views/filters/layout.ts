/** Layout of the Filters view: whole-number grids in the available space. Pure. */
import type { Layer, SheetGeometry } from '../../api/types';
import { gridHeight, gridWidth, type Grid } from '../../base/scales';

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

export interface AvailableSize {
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
export function bestGrid(size: TileSize, available: AvailableSize, like: number, largest = 96): Grid {
  const { tiles, tileWidth, tileHeight, gap } = size;
  const most = Math.max(1, Math.min(tiles, Math.floor((available.width + gap) / (tileWidth + gap))));
  let best: { score: number; grid: Grid } | null = null;
  for (let columns = 1; columns <= most; columns += 1) {
    const rows = Math.ceil(tiles / columns);
    const across = Math.floor(((available.width + gap) / columns - gap) / tileWidth);
    const down = Math.floor(((available.height + gap) / rows - gap) / tileHeight);
    const scale = Math.max(1, Math.min(across, down, Math.max(1, Math.floor(largest / tileWidth))));
    const ragged = rows * columns - tiles;
    // Too tall for the room even at scale 1 is worse than anything that fits.
    const overflow = Math.max(0, rows * (tileHeight * scale + gap) - gap - available.height);
    const score = scale * (ragged > 0 ? 0.6 : 1) - 0.004 * Math.abs(columns - like) - overflow * 10;
    if (!best || score > best.score)
      best = { score, grid: { columns, rows, scaleX: scale, scaleY: scale, tileWidth, tileHeight, gap } };
  }
  return best?.grid ?? { columns: 1, rows: tiles, scaleX: 1, scaleY: 1, tileWidth, tileHeight, gap };
}

/** A grid with given columns at the largest whole scale that fits. */
export function gridOf(size: TileSize, columns: number, available: AvailableSize, largest = 96): Grid {
  const { tiles, tileWidth, tileHeight, gap } = size;
  const rows = Math.ceil(tiles / columns);
  const across = Math.floor(((available.width + gap) / columns - gap) / tileWidth);
  const down = Math.floor(((available.height + gap) / rows - gap) / tileHeight);
  const scale = Math.max(1, Math.min(across, down, Math.max(1, Math.floor(largest / tileWidth))));
  return { columns, rows, scaleX: scale, scaleY: scale, tileWidth, tileHeight, gap };
}

/**
 * The kernel matrix: filters in rows, channels in columns. Single weights (fully connected layers) become a heat map
 * without gaps whose cells may be taller than wide; kernels keep their shape and a gap of one pixel.
 */
export function matrixGrid(
  sheet: Pick<SheetGeometry, 'filters' | 'channels' | 'tile_width' | 'tile_height'>,
  available: AvailableSize,
): Grid {
  const { tile_width: tileWidth, tile_height: tileHeight } = sheet;
  const [columns, rows] = [sheet.channels.length, sheet.filters.length];
  if (tileWidth === 1 && tileHeight === 1) {
    const across = Math.max(1, Math.min(24, Math.floor(available.width / columns)));
    const down = Math.max(1, Math.min(24, Math.floor(available.height / rows)));
    const gap = across >= 4 && down >= 4 ? 1 : 0;
    // Never wider than high by much: a cell stays a cell.
    return {
      columns,
      rows,
      scaleX: Math.min(across, down * 2) - gap,
      scaleY: Math.min(down, Math.max(4, across * 4)) - gap,
      tileWidth,
      tileHeight,
      gap,
    };
  }
  const gap = 1;
  const across = Math.floor(((available.width + gap) / columns - gap) / tileWidth);
  const down = Math.floor(((available.height + gap) / rows - gap) / tileHeight);
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
  /** Between the weights and what is beside them. */
  gap: number;
}

export type Show = 'filters' | 'activations' | 'both';

const CAP = 24;
const MOST_MAP = 128;
const LEAST_GAP = 28;
const MOST_GAP = 68;
const AXES = { side: 32, foot: 24 };
const INSPECTOR = { least: 148, like: 236, rule: 41 };

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/**
 * Bank and maps at one pitch, so that a filter stands at the same place in both: the largest whole scale of the maps at
 * which two such grids fit beside each other. Null where the tiles are too different in shape for that.
 */
export function pairedGrids(
  bank: TileSize,
  maps: TileSize,
  available: AvailableSize,
  like: number,
): { bank: Grid; maps: Grid; gap: number } | null {
  if (bank.tiles !== maps.tiles || maps.tileWidth < 4) return null;
  let best: { score: number; bank: Grid; maps: Grid; gap: number } | null = null;
  for (let columns = 1; columns <= Math.min(bank.tiles, like * 4); columns += 1) {
    const rows = Math.ceil(bank.tiles / columns);
    for (let scale = 1; maps.tileWidth * scale <= MOST_MAP; scale += 1) {
      const pitch = maps.tileWidth * scale + maps.gap;
      const zoom = Math.floor((pitch - 1) / bank.tileWidth);
      const left = pitch - bank.tileWidth * zoom;
      const width = 2 * (columns * pitch - 1);
      // Two narrow columns at the edges of a wide room would not read as a pair.
      const fits =
        width + LEAST_GAP <= available.width &&
        width >= available.width * 0.7 &&
        rows * pitch <= available.height + maps.gap;
      if (!fits || zoom < 1 || left > Math.max(4, pitch * 0.05) || bank.tileWidth !== bank.tileHeight) continue;
      const score = scale * (rows * columns > bank.tiles ? 0.6 : 1) - 0.004 * Math.abs(columns - like);
      if (best && best.score >= score) continue;
      const grid = (size: TileSize, by: number, gap: number): Grid => ({
        columns,
        rows,
        scaleX: by,
        scaleY: by,
        tileWidth: size.tileWidth,
        tileHeight: size.tileHeight,
        gap,
      });
      best = {
        score,
        bank: grid(bank, zoom, left),
        maps: grid(maps, scale, maps.gap),
        gap: Math.min(MOST_GAP, available.width - width),
      };
    }
  }
  return best;
}

/**
 * Divides the body of the view between weights, activations and the pinned filter. It depends on the layer and the
 * room alone, so nothing moves when pictures arrive or the checkpoint changes.
 */
export function arrange(
  layer: Pick<Layer, 'sheet_shape' | 'shape' | 'inputs'>,
  input: string,
  show: Show,
  body: AvailableSize,
): Arranged {
  const { width } = body;
  const height = Math.max(320, body.height);
  const kind = arrangementOf(layer, input);
  const gap = width >= 1060 ? 68 : 36;
  const maps: TileSize = {
    tiles: layer.shape.channels,
    tileWidth: layer.shape.width,
    tileHeight: layer.shape.height,
    gap: 2,
  };
  if (kind === 'none' || !layer.sheet_shape) {
    const grid = mapsGrid(maps, { width, height: height - CAP - 16 }, 8);
    return {
      bank: null,
      maps: { grid, width: Math.max(264, gridWidth(grid)) },
      inspector: { where: 'none', width: 0, height: 0, detail: false },
      stacked: false,
      gap,
    };
  }
  const [filters, channels, tileHeight, tileWidth] = layer.sheet_shape;
  const [wantsBank, wantsMaps] = [show !== 'activations', show !== 'filters'];
  if (kind === 'tiles') {
    const tall =
      height -
      CAP -
      INSPECTOR.rule -
      Math.max(INSPECTOR.least, Math.min(INSPECTOR.like, height - CAP - INSPECTOR.rule - 264));
    const size: TileSize = { tiles: filters, tileWidth, tileHeight, gap: 1 };
    const alone = wantsMaps
      ? mapsGrid(maps, { width: wantsBank ? Math.floor(width * 0.58) : width, height: tall }, 8)
      : null;
    const paired = wantsBank && alone ? pairedGrids(size, maps, { width, height: tall }, 8) : null;
    // One pitch for both, unless the maps would have to be smaller for it.
    const pair = paired && alone && paired.maps.scaleX >= alone.scaleX ? paired : null;
    const mapGrid = pair?.maps ?? alone;
    const free = { width: width - (mapGrid ? gridWidth(mapGrid) + gap : 0), height: tall };
    // The same columns in both: a filter has one position.
    const grid =
      pair?.bank ??
      (mapGrid && filters === layer.shape.channels
        ? gridOf(size, mapGrid.columns, free)
        : bestGrid(size, free, 8));
    const used = Math.max(wantsBank ? gridHeight(grid) : 0, mapGrid ? gridHeight(mapGrid) : 0);
    return {
      bank: wantsBank
        ? { grid, width: gridWidth(grid), height: tall, scrolls: gridHeight(grid) > tall + 8 }
        : null,
      maps: mapGrid && { grid: mapGrid, width: gridWidth(mapGrid) },
      inspector: {
        where: 'below',
        width,
        height: Math.max(148, height - CAP - used - INSPECTOR.rule),
        detail: wantsBank,
      },
      stacked: false,
      gap: pair?.gap ?? gap,
    };
  }
  const stacked = kind === 'heat' && channels * 4 > width * 0.55;
  const share = wantsMaps && stacked ? Math.floor((height - 2 * CAP) * 0.45) : height - CAP - AXES.foot;
  const bankRoom = { width: (stacked ? width : Math.floor(width * 0.56)) - AXES.side, height: share };
  const grid = matrixGrid(
    { filters: range(filters), channels: range(channels), tile_width: tileWidth, tile_height: tileHeight },
    bankRoom,
  );
  const scrolls = gridHeight(grid) > bankRoom.height + 8 || gridWidth(grid) > bankRoom.width + 8;
  const bankWidth = Math.min(gridWidth(grid), bankRoom.width) + AXES.side;
  const bank = wantsBank
    ? { grid, width: bankWidth, height: bankRoom.height + (scrolls ? AXES.foot : 0), scrolls }
    : null;
  const between = stacked ? gap : gap - 14;
  const side = bank && !stacked ? width - bankWidth - between : stacked ? Math.floor((width - gap) / 2) : width;
  const top = bank && stacked ? Math.min(gridHeight(grid), share) + CAP + AXES.foot + 16 : 0;
  const mapGrid = wantsMaps
    ? mapsGrid(maps, { width: side, height: height - CAP - top - (stacked ? 8 : 236) }, 8)
    : null;
  const under = mapGrid && !stacked ? gridHeight(mapGrid) + CAP : 0;
  return {
    bank,
    maps: mapGrid && {
      grid: mapGrid,
      width: stacked ? side : Math.max(264, Math.min(side, gridWidth(mapGrid))),
    },
    inspector: {
      where: stacked && !mapGrid ? 'below' : 'right',
      width: side,
      height: Math.max(150, Math.min(360, height - top - under - INSPECTOR.rule)),
      detail: false,
    },
    stacked,
    gap: between,
  };
}

/** Activations: maps as large as they fit; single units as squares of a size one can point at. */
function mapsGrid(size: TileSize, available: AvailableSize, like: number): Grid {
  const units = size.tileWidth === 1 && size.tileHeight === 1;
  return bestGrid(
    size,
    units ? { width: Math.min(available.width, 528), height: Math.min(available.height, 264) } : available,
    units ? 16 : like,
    units ? 64 : 128,
  );
}
