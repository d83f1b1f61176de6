/** Grids of tiles at whole-number scales in the available space. Pure. */
import type { SheetGeometry } from '../../api/types';
import type { Grid } from '../../base/scales';

const MAX_MAP = 128;
const MIN_GAP = 28;
const MAX_GAP = 68;

export interface AvailableSize {
  width: number;
  height: number;
}

/** Filters and channels on a page of a large layer. */
export interface PageSize {
  filters: number;
  channels: number;
}

export interface TileSize {
  tiles: number;
  tileWidth: number;
  tileHeight: number;
  gap: number;
}

/**
 * The grid that shows tiles largest in the available space: whole scales only, full rows preferred over ragged ones, and of two
 * that are equally large the one nearer to `like` columns (so that a filter has one position in bank and maps).
 */
export function bestGrid(size: TileSize, available: AvailableSize, like: number, largest = 96): Grid {
  const { tiles, tileWidth, tileHeight, gap } = size;
  const max = Math.max(1, Math.min(tiles, Math.floor((available.width + gap) / (tileWidth + gap))));
  let best: { score: number; grid: Grid } | null = null;
  for (let columns = 1; columns <= max; columns += 1) {
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

/**
 * Bank and maps at one pitch, so that a filter is at the same position in both: the largest whole scale of the maps at
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
    for (let scale = 1; maps.tileWidth * scale <= MAX_MAP; scale += 1) {
      const pitch = maps.tileWidth * scale + maps.gap;
      const zoom = Math.floor((pitch - 1) / bank.tileWidth);
      const left = pitch - bank.tileWidth * zoom;
      const width = 2 * (columns * pitch - 1);
      // Two narrow columns at the edges of a wide room would not read as a pair.
      const fits =
        width + MIN_GAP <= available.width &&
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
        gap: Math.min(MAX_GAP, available.width - width),
      };
    }
  }
  return best;
}

/** Activations: maps as large as they fit; single units as squares of a size one can point at. */
export function mapsGrid(size: TileSize, available: AvailableSize, like: number): Grid {
  const units = size.tileWidth === 1 && size.tileHeight === 1;
  return bestGrid(
    size,
    units ? { width: Math.min(available.width, 528), height: Math.min(available.height, 264) } : available,
    units ? 16 : like,
    units ? 64 : 128,
  );
}
