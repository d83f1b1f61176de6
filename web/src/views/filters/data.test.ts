import { describe, expect, it } from 'vitest';
import type { Layer, SheetGeometry } from '../../api/types';
import { gridHeight, gridWidth, pitchX } from '../../base/scales';
import * as data from './data';
import * as grids from './grids';
import * as layout from './layout';

const d = { ...data, ...grids, ...layout };

const layer = (more: Partial<Layer>): Layer => ({
  name: 'conv1',
  type: 'conv',
  shape: { channels: 32, height: 32, width: 32 },
  parameters: 2432,
  weight_shape: [32, 3, 5, 5],
  sheet_shape: [32, 3, 5, 5],
  filters: 32,
  channels: 3,
  inputs: ['data'],
  rectifier: null,
  ...more,
});
const rgb = { rgb: true, filters: Array.from({ length: 32 }, (_, i) => i), channels: [0, 1, 2] };
const matrix = { rgb: false, filters: [4, 5, 6], channels: [0, 7] };

describe('arrangement', () => {
  it('follows the weights', () => {
    const of = (sheet_shape: Layer['sheet_shape'], inputs = ['data']) =>
      d.arrangementOf(layer({ sheet_shape, inputs }), 'data');
    expect(of([32, 3, 5, 5])).toBe('tiles');
    expect(of([32, 3, 5, 5], ['conv0'])).toBe('matrix');
    expect(of([8, 1, 5, 5])).toBe('tiles');
    expect(of([32, 32, 5, 5], ['relu1'])).toBe('matrix');
    expect(of([10, 64, 1, 1], ['fc64'])).toBe('heat');
    expect(of(null)).toBe('none');
  });
  it('names tiles both ways', () => {
    expect(d.unitAt(rgb, 25)).toEqual({ filter: 25, channel: null });
    expect(d.unitAt(matrix, 3)).toEqual({ filter: 5, channel: 7 });
    expect(d.tileOf(matrix, 5, 7)).toBe(3);
    expect(d.tileOf(matrix, 9, 0)).toBe(-1);
    expect(d.tileOf(rgb, 25, null)).toBe(25);
    expect(d.tileCount(matrix)).toBe(6);
  });
});

describe('grids', () => {
  it('have eight columns in a window of 1440 pixels', () => {
    const bank = d.bestGrid({ tiles: 32, tileWidth: 5, tileHeight: 5, gap: 1 }, { width: 528, height: 300 }, 8);
    expect([bank.columns, bank.rows, bank.scaleX]).toEqual([8, 4, 13]);
    const maps = d.gridOf({ tiles: 32, tileWidth: 32, tileHeight: 32, gap: 2 }, 8, { width: 528, height: 300 });
    expect([maps.columns, maps.scaleX]).toEqual([8, 2]);
  });
  it('never leave their room where that is possible', () => {
    for (const [width, height] of [
      [300, 200],
      [528, 300],
      [768, 420],
    ]) {
      for (const tiles of [1, 10, 32, 48, 64, 96]) {
        const grid = d.bestGrid({ tiles, tileWidth: 5, tileHeight: 5, gap: 1 }, { width, height }, 8);
        expect(gridWidth(grid)).toBeLessThanOrEqual(width);
        expect(gridHeight(grid)).toBeLessThanOrEqual(height);
        expect(grid.columns * grid.rows).toBeGreaterThanOrEqual(tiles);
      }
    }
  });
  it('draw kernels at a pitch of 16 and scroll what would be too small', () => {
    const of = (filters: number, channels: number) => ({
      filters: Array.from({ length: filters }, (_, i) => i),
      channels: Array.from({ length: channels }, (_, i) => i),
      tile_width: 5,
      tile_height: 5,
    });
    expect(d.matrixGrid(of(32, 32), { width: 528, height: 524 }).scaleX).toBe(3);
    expect(d.matrixGrid(of(64, 32), { width: 528, height: 524 }).scaleX).toBe(2);
    expect(d.matrixGrid(of(64, 512), { width: 528, height: 524 }).scaleX).toBe(1);
  });
  it('are a heat map of single weights', () => {
    const sheet = {
      filters: Array.from({ length: 64 }, (_, i) => i),
      channels: Array.from({ length: 1024 }, (_, i) => i),
      tile_width: 1,
      tile_height: 1,
    };
    const grid = d.matrixGrid(sheet, { width: 1100, height: 220 });
    expect([grid.scaleX, grid.scaleY, grid.gap]).toEqual([1, 3, 0]);
    expect(gridWidth(grid)).toBe(1024);
  });
});

describe('arrangement of the page', () => {
  const at = (
    sheet_shape: Layer['sheet_shape'],
    show: layout.Show,
    width = 1124,
    height = 576,
    more: Partial<Layer> = {},
  ) => d.arrange(layer({ sheet_shape, ...more }), 'data', show, { width, height });

  it('has the pinned filter below tiles and beside a matrix at 1440 x 900', () => {
    const page = at([32, 3, 5, 5], 'both');
    expect([page.bank?.grid.columns, page.bank?.grid.scaleX]).toEqual([8, 13]);
    expect([page.maps?.grid.columns, page.maps?.grid.scaleX]).toEqual([8, 2]);
    expect(page.inspector).toMatchObject({ where: 'below', detail: true });
    const matrix = at([32, 32, 5, 5], 'both', 1124, 576, {
      inputs: ['relu1'],
      shape: { channels: 32, height: 16, width: 16 },
    });
    expect([matrix.bank?.grid.scaleX, matrix.maps?.grid.scaleX, matrix.maps?.grid.columns]).toEqual([3, 4, 8]);
    expect(matrix.inspector.where).toBe('right');
  });
  it('gives bank and maps one pitch at every size', () => {
    for (const [width, height] of [
      [1124, 576],
      [1604, 756],
      [2244, 1116],
    ]) {
      for (const filters of [16, 32]) {
        const page = at([filters, 3, 5, 5], 'both', width, height, {
          shape: { channels: filters, height: 32, width: 32 },
        });
        const [bank, maps] = [page.bank?.grid, page.maps?.grid];
        expect(bank && pitchX(bank)).toBe(maps && pitchX(maps));
      }
    }
    const wide = at([32, 3, 5, 5], 'both', 1604, 756);
    expect([wide.maps?.grid.scaleX, wide.bank?.grid.scaleX]).toEqual([3, 19]);
  });
  it('fits bank and maps beside each other at every size', () => {
    for (const [width, height] of [
      [964, 476],
      [1124, 576],
      [1604, 756],
      [2244, 1116],
    ]) {
      const page = at([32, 3, 5, 5], 'both', width, height);
      const [bank, maps] = [page.bank?.grid, page.maps?.grid];
      expect(bank && maps && gridWidth(bank) + gridWidth(maps)).toBeLessThanOrEqual(width - 28);
      expect(
        bank && maps && Math.max(gridHeight(bank), gridHeight(maps)) + 24 + 41 + page.inspector.height,
      ).toBeLessThanOrEqual(height);
      expect(bank?.columns).toBe(maps?.columns);
      expect(maps?.scaleX).toBeGreaterThanOrEqual(width < 1100 ? 1 : 2);
    }
  });
  it('shows only what is wanted', () => {
    expect(at([32, 3, 5, 5], 'filters').maps).toBeNull();
    expect(at([32, 3, 5, 5], 'activations').bank).toBeNull();
    expect(at(null, 'filters').maps).not.toBeNull();
    expect(
      at([64, 1024, 1, 1], 'both', 1124, 576, {
        inputs: ['flat'],
        shape: { channels: 64, height: 1, width: 1 },
      }).stacked,
    ).toBe(true);
    expect(
      at([10, 64, 1, 1], 'both', 1124, 576, { inputs: ['fc64'], shape: { channels: 10, height: 1, width: 1 } })
        .stacked,
    ).toBe(false);
  });
});

describe('words', () => {
  it('describes layers', () => {
    expect(d.describeLayer(layer({}))).toBe('32 filters, 5 × 5 × 3, 2,432 parameters');
    expect(
      d.describeLayer(layer({ weight_shape: [64, 1024], sheet_shape: [64, 64, 4, 4], parameters: 65600 })),
    ).toBe('64 units × 1,024 inputs (64 × 4 × 4), 65,600 parameters');
    expect(
      d.describeLayer(
        layer({ weight_shape: [2048, 1024, 1, 1], sheet_shape: [2048, 1024, 1, 1], parameters: 2e6 }),
      ),
    ).toBe('2,048 filters × 1,024 channels, 1 × 1, 2,000,000 parameters');
    expect(d.describeLayer(layer({ weight_shape: null, sheet_shape: null, type: 'max-pool' }))).toBe(
      'max-pool, 32 maps of 32 × 32',
    );
    expect(d.shortShape({ channels: 32, height: 16, width: 16 })).toBe('32 × 16²');
    expect(d.shortShape({ channels: 10, height: 1, width: 1 })).toBe('10');
  });
  it('names what lies under the pointer', () => {
    const sheet = (more: object) =>
      ({
        rgb: false,
        filters: [0, 1, 2],
        channels: [0],
        tile_width: 1,
        tile_height: 1,
        ...more,
      }) as unknown as SheetGeometry;
    const cell = { index: 1, column: 1, row: 0, x: 0, y: 0 };
    const text = (s: SheetGeometry, activations: boolean, classes: string[] = []) =>
      d.spot(s, cell, { activations, classes });
    expect(text(sheet({}), true, ['cat', 'dog', 'ship'])).toEqual({ head: 'unit 1, dog', place: '' });
    expect(text(sheet({ tile_width: 5, tile_height: 5, rgb: true, channels: [0, 1, 2] }), false)).toEqual({
      head: 'filter 1',
      place: 'at 0, 0',
    });
    expect(text(sheet({ channels: [0, 1] }), false)).toEqual({ head: 'unit 0', place: 'input 1' });
  });
  it('says how far weights moved', () => {
    expect(d.changeLabel(0.006, false)).toBe('change 0.6 %');
    expect(d.changeLabel(0.234, false)).toBe('change 23 %');
    expect(d.changeLabel(9.99, false)).toBe('change 999 %');
    expect(d.changeLabel(57.13, false)).toBe('change 57 ×');
    expect(d.changeLabel(3.2e9, false)).toBe('change 3.2e9 ×');
    expect(d.changeLabel(Infinity, false)).toBe(' ');
    expect(d.changeLabel(null, true)).toBe('untrained');
  });
  it('labels an axis without touching labels', () => {
    expect(
      d
        .axisLabels(
          Array.from({ length: 32 }, (_, i) => i),
          16,
          100,
        )
        .map((a) => a.label),
    ).toEqual(['0', '8', '16', '24', '31']);
    expect(d.axisLabels([], 16)).toEqual([]);
  });
});

describe('the pinned filter', () => {
  it('ranks norms', () => {
    expect(d.rank([0.1, 0.5, 0.3], 1)).toBe(1);
    expect(d.rank([0.1, 0.5, 0.3], 0)).toBe(3);
  });
  it('chooses film frames', () => {
    expect(d.filmFrames(5, 800, 15)).toEqual([0, 1, 2, 3, 4]);
    const frames = d.filmFrames(1000, 816, 15);
    expect([frames[0], frames[1], frames.at(-1), frames.length]).toEqual([0, 20, 980, 50]);
  });
  it('finds a value', () => {
    expect(d.valueIndex([32, 3, 5, 5], { filter: 1, channel: 2, y: 3, x: 4 })).toBe(75 + 50 + 19);
  });
});
