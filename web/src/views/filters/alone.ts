/** Layout of the presenter: the weights of a layer alone, or its maps where it has none, as large as the page. Pure. */
import type { Layer } from '../../api/types';
import { gridHeight, gridWidth, type Grid } from '../../base/scales';
import { bestGrid, mapsGrid, matrixGrid, type AvailableSize, type PageSize } from './grids';
import { arrangementOf, type Arranged } from './layout';

/** The line above the tiles, and the numbers beside and below a matrix. */
const ROOM = { caption: 36, side: 64, foot: 40 };
/** The largest tile. */
const LARGEST = 320;

function bankGrid(
  layer: Pick<Layer, 'sheet_shape' | 'inputs'>,
  input: string,
  free: AvailableSize,
  page: PageSize | null,
) {
  const whole = layer.sheet_shape;
  const kind = arrangementOf(layer, input);
  if (!whole || kind === 'none') return null;
  const [filters, channels] = page
    ? [Math.min(whole[0], page.filters), Math.min(whole[1], page.channels)]
    : [whole[0], whole[1]];
  const [tileHeight, tileWidth] = [whole[2], whole[3]];
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  return kind === 'tiles'
    ? bestGrid({ tiles: filters, tileWidth, tileHeight, gap: 2 }, free, 8, LARGEST)
    : matrixGrid(
        { filters: range(filters), channels: range(channels), tile_width: tileWidth, tile_height: tileHeight },
        { width: free.width - ROOM.side, height: free.height - ROOM.foot },
      );
}

export function arrangeAlone(
  layer: Pick<Layer, 'sheet_shape' | 'shape' | 'inputs'>,
  input: string,
  available: AvailableSize,
  page: PageSize | null = null,
): Arranged {
  const free = { width: available.width, height: available.height - ROOM.caption };
  const scrolled = (grid: Grid) => ({ grid, height: free.height, scrolls: gridHeight(grid) > free.height + 8 });
  const bank = bankGrid(layer, input, free, page);
  const { channels, width: tileWidth, height: tileHeight } = layer.shape;
  const tiles = Math.min(channels, page?.filters ?? channels);
  const maps = bank ? null : mapsGrid({ tiles, tileWidth, tileHeight, gap: 2 }, free, 8);
  return {
    bank: bank && {
      ...scrolled(bank),
      width: Math.max(264, Math.min(free.width, gridWidth(bank) + ROOM.side)),
      below: 0,
      beside: 0,
    },
    maps: maps && { ...scrolled(maps), width: Math.max(264, gridWidth(maps)) },
    inspector: { where: 'none', width: 0, height: 0, detail: false },
    stacked: false,
    gap: 0,
  };
}
