/** Whole-number picture grids and the arithmetic of a linear axis. */

/** Positions of tiles on a canvas: whole scales, a fixed gap, row by row. */
export interface Grid {
  columns: number;
  rows: number;
  /** CSS pixels per value, horizontally and vertically. */
  scaleX: number;
  scaleY: number;
  tileWidth: number;
  tileHeight: number;
  gap: number;
}

export interface GridCell {
  /** Row-major number of the tile. */
  index: number;
  column: number;
  row: number;
  /** The value under the pointer within its tile. */
  x: number;
  y: number;
}

export const pitchX = (grid: Grid): number => grid.tileWidth * grid.scaleX + grid.gap;
export const pitchY = (grid: Grid): number => grid.tileHeight * grid.scaleY + grid.gap;
export const gridWidth = (grid: Grid): number => grid.columns * pitchX(grid) - grid.gap;
export const gridHeight = (grid: Grid): number => grid.rows * pitchY(grid) - grid.gap;

/** The tile and value under a point of the grid, or null outside it (a gap counts to the tile before it). */
export function cellAt(grid: Grid, x: number, y: number, tiles: number): GridCell | null {
  const column = Math.floor(x / pitchX(grid));
  const row = Math.floor(y / pitchY(grid));
  const index = row * grid.columns + column;
  if (x < 0 || y < 0 || column >= grid.columns || row >= grid.rows || index >= tiles) return null;
  return {
    index,
    column,
    row,
    x: Math.min(grid.tileWidth - 1, Math.floor((x - column * pitchX(grid)) / grid.scaleX)),
    y: Math.min(grid.tileHeight - 1, Math.floor((y - row * pitchY(grid)) / grid.scaleY)),
  };
}

/** The largest whole scale at which `tiles` of `size` values, `gap` apart, fit into `available` pixels; at least 1. */
export function wholeScale(available: number, tiles: number, size: number, gap: number): number {
  return Math.max(1, Math.floor(((available + gap) / tiles - gap) / size));
}

/** Index of the number nearest to `wanted` in an ascending list; -1 for an empty list. */
export function nearest(ascending: readonly number[], wanted: number): number {
  let low = 0;
  let high = ascending.length - 1;
  if (high < 0) return -1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low > 0 && wanted - ascending[low - 1] <= ascending[low] - wanted ? low - 1 : low;
}

/** Up to `max` round steps from 0 to `last`: 1, 2 or 5 times a power of ten. */
export function roundStep(last: number, max: number): number {
  const rough = last / Math.max(1, max);
  if (!(rough > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= rough - 1e-12) ?? 10;
  return step * power;
}

/** The places of round ticks from 0 to `last`, clean of what floating point leaves behind (0.3, not 0.30000000000000004). */
export function roundTicks(last: number, max: number, min = 0): number[] {
  const step = Math.max(min, roundStep(last, max));
  return Array.from({ length: Math.floor(last / step + 1e-9) + 1 }, (_, n) =>
    Number((n * step).toPrecision(12)),
  );
}
