/**
 * Drawing a sheet of the server (a layer's filters or maps in a grid, one pixel per value, gaps of one) onto a canvas in
 * a grid of the page's own.
 */
import type { Picture } from '../../api/pictures';
import type { SheetGeometry } from '../../api/types';
import { pixelRatio } from '../../base/dom';
import { gridWidth, pitchX, pitchY, type Grid } from '../../base/scales';

/**
 * Position of a tile in the server's picture. `band` is the sheet's position in a strip (sheets of several checkpoints,
 * one below the other without a gap).
 */
export function tileOrigin(sheet: SheetGeometry, tile: number, band = 0): { x: number; y: number } {
  const pitch = { x: sheet.tile_width + sheet.gap, y: sheet.tile_height + sheet.gap };
  return {
    x: (tile % sheet.columns) * pitch.x,
    y: Math.floor(tile / sheet.columns) * pitch.y + band * (sheet.rows * pitch.y - sheet.gap),
  };
}

let scratch: HTMLCanvasElement | undefined;

/** Draws all tiles. Equal columns are drawn stripe by stripe (a matrix of 65,536 tiles is a thousand calls). */
export function drawSheet(
  context: CanvasRenderingContext2D,
  picture: Picture,
  sheet: SheetGeometry,
  grid: Grid,
  tiles: number,
): void {
  if (grid.columns === sheet.columns && tiles === sheet.columns * sheet.rows)
    return drawStripes(context, picture, sheet, grid);
  const [width, height] = [grid.tileWidth * grid.scaleX, grid.tileHeight * grid.scaleY];
  for (let i = 0; i < tiles; i += 1) {
    const from = tileOrigin(sheet, i);
    const x = (i % grid.columns) * pitchX(grid);
    const y = Math.floor(i / grid.columns) * pitchY(grid);
    context.drawImage(picture.bitmap, from.x, from.y, sheet.tile_width, sheet.tile_height, x, y, width, height);
  }
}

function drawStripes(
  context: CanvasRenderingContext2D,
  picture: Picture,
  sheet: SheetGeometry,
  grid: Grid,
): void {
  const ratio = pixelRatio();
  const [width, height] = [gridWidth(grid) * ratio, picture.height];
  scratch ??= document.createElement('canvas');
  scratch.width = width;
  scratch.height = height;
  const stripes = scratch.getContext('2d');
  if (!stripes) return;
  stripes.imageSmoothingEnabled = false;
  for (let column = 0; column < grid.columns; column += 1) {
    stripes.drawImage(
      picture.bitmap,
      column * (sheet.tile_width + sheet.gap),
      0,
      sheet.tile_width,
      height,
      column * pitchX(grid) * ratio,
      0,
      grid.tileWidth * grid.scaleX * ratio,
      height,
    );
  }
  for (let row = 0; row < grid.rows; row += 1) {
    const y = row * pitchY(grid);
    const from = row * (sheet.tile_height + sheet.gap);
    context.drawImage(
      scratch,
      0,
      from,
      width,
      sheet.tile_height,
      0,
      y,
      gridWidth(grid),
      grid.tileHeight * grid.scaleY,
    );
  }
}

/** One tile at a place and size. */
export function drawTile(
  context: CanvasRenderingContext2D,
  picture: Picture,
  tile: { index: number; band?: number },
  at: { x: number; y: number; width: number; height: number },
): void {
  const sheet = picture.sheet;
  if (!sheet) return;
  const from = tileOrigin(sheet, tile.index, tile.band ?? 0);
  context.drawImage(
    picture.bitmap,
    from.x,
    from.y,
    sheet.tile_width,
    sheet.tile_height,
    at.x,
    at.y,
    at.width,
    at.height,
  );
}
