import { expect, it } from 'vitest';
import type { SheetGeometry } from '../../api/types';
import { tileOrigin } from './sheet';

const sheet: SheetGeometry = {
  checkpoint: 0,
  layer: 'conv1',
  tile_width: 5,
  tile_height: 5,
  columns: 8,
  rows: 4,
  gap: 1,
  filters: [],
  channels: [],
  rgb: true,
  minimum: -1,
  maximum: 1,
  limit: 1,
  ends: [-1, 1],
};

it('finds a tile in a sheet and in a strip of sheets', () => {
  expect(tileOrigin(sheet, 25)).toEqual({ x: 6, y: 18 });
  expect(tileOrigin(sheet, 25, 2)).toEqual({ x: 6, y: 18 + 2 * 23 });
});
