/** Layout of the Filters view: the body divided between weights, activations and the pinned filter. Pure. */
import type { Layer } from '../../api/types';
import { gridHeight, gridWidth, type Grid } from '../../base/scales';
import {
  bestGrid,
  gridOf,
  mapsGrid,
  matrixGrid,
  pairedGrids,
  type AvailableSize,
  type PageSize,
  type TileSize,
} from './grids';

/** Layout of a layer's weights on the page. */
export type Arrangement = 'tiles' | 'matrix' | 'heat' | 'none';

/**
 * Tiles where a filter is one picture (it sees colour, or one channel), else a matrix of kernels; a heat map where
 * a kernel is a single weight. `input` is the name of the network's input layer.
 */
export function arrangementOf(layer: Pick<Layer, 'sheet_shape' | 'inputs'>, input: string): Arrangement {
  if (!layer.sheet_shape) return 'none';
  const [, channels, height, width] = layer.sheet_shape;
  if (channels === 1 && height * width > 1) return 'tiles';
  if (channels === 3 && layer.inputs[0] === input) return 'tiles';
  return height * width === 1 ? 'heat' : 'matrix';
}

/** The name of the network's input layer. */
export const inputOf = (run: { layers: readonly Pick<Layer, 'name' | 'inputs'>[] } | null): string =>
  run?.layers.find((layer) => layer.inputs.length === 0)?.name ?? '';

export interface Arranged {
  /** Null where the layer has no weights, or they are not wanted. */
  bank: {
    grid: Grid;
    width: number;
    height: number;
    scrolls: boolean;
    /** Room that is left below it, and right of its tiles. */
    below: number;
    beside: number;
  } | null;
  maps: { grid: Grid; width: number; height: number; scrolls: boolean } | null;
  /** Position of the pinned filter: below everything, or under the maps. */
  inspector: { where: 'below' | 'right' | 'none'; width: number; height: number; detail: boolean };
  /** The weights above, the activations below them. */
  stacked: boolean;
  /** Between the weights and what is beside them. */
  gap: number;
}

export type Show = 'filters' | 'activations' | 'both';

const CAP = 24;
const AXES = { side: 32, foot: 24 };
/** Least and preferred height of the pinned filter, and the height of the rule above it. */
const INSPECTOR = { min: 148, like: 236, rule: 41 };

/** Maps up to this height are never cut off. */
const WHOLE_MAP = 240;

/** The height of the pinned filter under tiles: less where these have little room. */
const inspectorRoom = (height: number): number =>
  Math.max(INSPECTOR.min, Math.min(INSPECTOR.like, height - CAP - INSPECTOR.rule - 264));

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

/** Inputs of both layouts. */
interface Parts {
  sheet: readonly [filters: number, channels: number, height: number, width: number];
  maps: TileSize;
  body: AvailableSize;
  gap: number;
  wantsBank: boolean;
  wantsMaps: boolean;
}

/**
 * Divides the body of the view between weights, activations and the pinned filter. It depends on the layer and the
 * available size alone, so nothing moves when pictures arrive or the checkpoint changes.
 */
export function arrange(
  layer: Pick<Layer, 'sheet_shape' | 'shape' | 'inputs'>,
  input: string,
  show: Show,
  available: AvailableSize,
  page: PageSize | null = null,
): Arranged {
  const body = { width: available.width, height: Math.max(320, available.height) };
  const kind = arrangementOf(layer, input);
  const gap = body.width >= 1060 ? 68 : 36;
  const { channels, width, height } = layer.shape;
  const maps: TileSize = {
    tiles: Math.min(channels, page?.filters ?? channels),
    tileWidth: width,
    tileHeight: height,
    gap: 2,
  };
  const whole = layer.sheet_shape;
  const sheet: Parts['sheet'] | null =
    whole &&
    (page ? [Math.min(whole[0], page.filters), Math.min(whole[1], page.channels), whole[2], whole[3]] : whole);
  if (kind === 'none' || !sheet) {
    // The image itself has no filters that could be pinned.
    const inspectorHeight = inspectorRoom(body.height);
    const below = layer.inputs.length ? INSPECTOR.rule + inspectorHeight : 16;
    // A whole map of a moderate size is seen even where the page has to scroll for it.
    const tall = Math.max(body.height - CAP - below, Math.min(height + 2, WHOLE_MAP));
    const grid = mapsGrid(maps, { width: body.width, height: tall }, 8);
    return {
      bank: null,
      maps: { ...scrolled(grid, tall), width: Math.max(264, gridWidth(grid)) },
      inspector: {
        where: layer.inputs.length ? 'below' : 'none',
        width: body.width,
        height: inspectorHeight,
        detail: false,
      },
      stacked: false,
      gap,
    };
  }
  const [wantsBank, wantsMaps] = [show !== 'activations', show !== 'filters'];
  const parts: Parts = { sheet, maps, body, gap, wantsBank, wantsMaps };
  return kind === 'tiles' ? arrangeTiles(parts) : arrangeMatrix(parts, kind === 'heat');
}

/** A grid that is taller than its room is scrolled in it. */
function scrolled(grid: Grid, height: number): { grid: Grid; height: number; scrolls: boolean } {
  return { grid, height, scrolls: gridHeight(grid) > height + 8 };
}

/** Filters as tiles on the left, maps on the right, the pinned filter below. */
function arrangeTiles({ sheet, maps, body, gap, wantsBank, wantsMaps }: Parts): Arranged {
  const { width, height } = body;
  const [filters, , tileHeight, tileWidth] = sheet;
  const tall = height - CAP - INSPECTOR.rule - inspectorRoom(height);
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
    (mapGrid && filters === maps.tiles && gridHeight(mapGrid) <= tall + 8
      ? gridOf(size, mapGrid.columns, free)
      : bestGrid(size, free, 8));
  const used = Math.max(wantsBank ? gridHeight(grid) : 0, mapGrid ? Math.min(tall, gridHeight(mapGrid)) : 0);
  return {
    bank: wantsBank
      ? {
          grid,
          width: gridWidth(grid),
          height: tall,
          scrolls: gridHeight(grid) > tall + 8,
          below: 0,
          beside: 0,
        }
      : null,
    maps: mapGrid && { ...scrolled(mapGrid, tall), width: gridWidth(mapGrid) },
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

/** The weights as a matrix or a heat map: beside the maps, or above them where a heat map is wide. */
function arrangeMatrix({ sheet, maps, body, gap, wantsBank, wantsMaps }: Parts, isHeat: boolean): Arranged {
  const { width, height } = body;
  const [filters, channels, tileHeight, tileWidth] = sheet;
  const stacked = isHeat && channels * 4 > width * 0.55;
  const share = wantsMaps && stacked ? Math.floor((height - 2 * CAP) * 0.45) : height - CAP - AXES.foot;
  const free = { width: (stacked ? width : Math.floor(width * 0.56)) - AXES.side, height: share };
  const grid = matrixGrid(
    { filters: range(filters), channels: range(channels), tile_width: tileWidth, tile_height: tileHeight },
    free,
  );
  const scrolls = gridHeight(grid) > free.height + 8 || gridWidth(grid) > free.width + 8;
  const bankWidth = Math.min(gridWidth(grid), free.width) + AXES.side;
  const between = stacked ? gap : gap - 14;
  const bank = wantsBank
    ? {
        grid,
        width: bankWidth,
        height: free.height + (scrolls ? AXES.foot : 0),
        scrolls,
        below: stacked || scrolls ? 0 : Math.max(0, height - CAP - gridHeight(grid) - AXES.foot),
        beside: scrolls ? 0 : AXES.side + between,
      }
    : null;
  const side = bank && !stacked ? width - bankWidth - between : stacked ? Math.floor((width - gap) / 2) : width;
  const top = bank && stacked ? Math.min(gridHeight(grid), share) + CAP + AXES.foot + 16 : 0;
  const high = height - CAP - top - (stacked ? 8 : 236);
  const mapGrid = wantsMaps ? mapsGrid(maps, { width: side, height: high }, 8) : null;
  const under = mapGrid && !stacked ? Math.min(high, gridHeight(mapGrid)) + CAP : 0;
  return {
    bank,
    maps: mapGrid && {
      ...scrolled(mapGrid, high),
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
