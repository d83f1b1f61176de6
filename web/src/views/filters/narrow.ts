/** Layout of the Filters view in one column, for windows below 900 pixels: weights, activations, the pinned filter. Pure. */
import type { Layer } from '../../api/types';
import { gridHeight, gridWidth, type Grid } from '../../base/scales';
import { matrixGrid, type PageSize, type TileSize } from './grids';
import { arrangementOf, type Arranged, type Show } from './layout';

/** Least side of what is touched. */
export const TARGET_PX = 44;
/** Tiles in a row: the largest of these numbers that leaves each tile large enough to be touched. */
const COLUMNS = [16, 8, 4];
/** Taller than this, a matrix is scrolled in its place. */
const MAX_MATRIX_PX = 640;

/** Tiles as touch targets of 44 pixels at a whole scale, sixteen or eight in a row. */
export function targetGrid({ tiles, tileWidth, tileHeight }: TileSize, width: number): Grid {
  const fits = COLUMNS.find((columns) => columns * TARGET_PX - 4 <= width) ?? COLUMNS[COLUMNS.length - 1];
  const columns = Math.max(1, Math.min(tiles, fits));
  const scale = Math.max(1, Math.floor((Math.floor((width + 1) / fits) - 1) / Math.max(tileWidth, tileHeight)));
  const gap = Math.max(1, TARGET_PX - tileWidth * scale);
  const rows = Math.ceil(tiles / columns);
  return { columns, rows, scaleX: scale, scaleY: scale, tileWidth, tileHeight, gap };
}

export function arrangeNarrow(
  layer: Pick<Layer, 'sheet_shape' | 'shape' | 'inputs'>,
  input: string,
  show: Show,
  width: number,
  page: PageSize | null = null,
): Arranged {
  const kind = arrangementOf(layer, input);
  const { channels, width: tileWidth, height: tileHeight } = layer.shape;
  const tiles = Math.min(channels, page?.filters ?? channels);
  const mapGrid = targetGrid({ tiles, tileWidth, tileHeight, gap: 2 }, width);
  const whole = layer.sheet_shape;
  const hasBank = kind !== 'none' && whole !== null && show !== 'activations';
  const hasMaps = kind === 'none' || show !== 'filters';
  let bank: Arranged['bank'] = null;
  if (hasBank && whole) {
    const filters = Math.min(whole[0], page?.filters ?? whole[0]);
    const depth = Math.min(whole[1], page?.channels ?? whole[1]);
    const range = (n: number) => Array.from({ length: n }, (_, i) => i);
    const room = { width: width - 32, height: MAX_MATRIX_PX };
    const grid =
      kind === 'tiles'
        ? targetGrid({ tiles: filters, tileWidth: whole[3], tileHeight: whole[2], gap: 1 }, width)
        : matrixGrid(
            { filters: range(filters), channels: range(depth), tile_width: whole[3], tile_height: whole[2] },
            room,
          );
    const tall = kind === 'tiles' ? gridHeight(grid) : Math.min(MAX_MATRIX_PX, gridHeight(grid) + 24);
    bank = {
      grid,
      width,
      height: tall,
      below: 0,
      beside: 0,
      scrolls: kind !== 'tiles' && (gridWidth(grid) > room.width || gridHeight(grid) > room.height),
    };
  }
  return {
    bank,
    maps: hasMaps ? { grid: mapGrid, width, height: gridHeight(mapGrid), scrolls: false } : null,
    inspector: {
      where: layer.inputs.length ? 'below' : 'none',
      width,
      height: 236,
      detail: kind === 'tiles' && hasBank,
    },
    stacked: true,
    gap: 24,
  };
}
