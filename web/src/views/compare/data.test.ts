import { describe, expect, it } from 'vitest';
import {
  EVERY,
  chosenFilters,
  defaultRows,
  formatFilters,
  formatRows,
  parseChannel,
  parseFilters,
  parseLayers,
  parseRows,
  ranges,
  readFilters,
  sortRows,
  strongest,
  strongestChannels,
  suggestRow,
  tileAt,
  tileSide,
  tilesThatFit,
} from './data';
import { grownTile, headNumbers, layColumn, NUMBERS, placeOf, tileUnder } from './layout';
import { parseChosenBy, relativeChanges, selectivity } from './measures';

describe('rows', () => {
  it('survive the address', () => {
    expect(parseRows(formatRows([0, 5, 'now']), 51)).toEqual([0, 5, 'now']);
    expect(parseRows('now,7,3,3,99,x', 51)).toEqual([3, 7, 'now']);
    expect([parseRows('', 51), parseRows('60', 51), parseRows(null, 51)]).toEqual([null, null, null]);
    expect(sortRows([9, 'now', 1])).toEqual([1, 9, 'now']);
  });
  it('begin dense and thin out, with now at the end', () => {
    expect(defaultRows(51, 8)).toEqual([0, 1, 2, 5, 10, 20, 40, 'now']);
    const few = defaultRows(51, 5);
    expect(few).toHaveLength(5);
    expect(few[0]).toBe(0);
    const many = defaultRows(51, 11);
    expect(many).toHaveLength(11);
    expect(new Set(many).size).toBe(11);
    expect(defaultRows(1, 8)).toEqual(['now']);
    expect(defaultRows(3, 8)).toEqual([0, 1, 'now']);
  });
  it('are suggested inside the widest gap', () => {
    const added = suggestRow([0, 1, 2, 'now'], 51);
    expect(added).toBeGreaterThan(2);
    expect(added).toBeLessThan(51);
    expect(suggestRow([0, 1, 2], 3)).toBeNull();
    expect(suggestRow(['now'], 5)).not.toBeNull();
  });
});

describe('filters, channels, layers', () => {
  it('survive the address', () => {
    for (const choice of [{ strongest: 12 }, { list: [3, 7, 9] }]) {
      expect(parseFilters(formatFilters(choice))).toEqual(choice);
    }
    expect([parseFilters('0'), parseFilters('f'), parseFilters('x')]).toEqual([null, null, null]);
    expect([parseChannel('strongest'), parseChannel('4'), parseChannel('-1')]).toEqual(['strongest', 4, null]);
    expect(parseLayers('conv2,conv1,zip', ['conv1', 'conv2'])).toEqual(['conv1', 'conv2']);
    expect(parseLayers('zip', ['conv1'])).toBeNull();
  });
  it('are read from what one types', () => {
    expect(readFilters('12 strongest')).toEqual({ strongest: 12 });
    expect(readFilters('0-3, 9 9')).toEqual({ list: [0, 1, 2, 3, 9] });
    expect(readFilters('three')).toBeNull();
    expect(readFilters('all')).toEqual({ strongest: EVERY });
    expect(ranges([0, 1, 2, 5, 7, 8])).toBe('0-2 5 7-8');
    expect(readFilters(ranges([3, 4, 9, 1]))).toEqual({ list: [3, 4, 9, 1] });
  });
  it('are chosen by strength, or as listed', () => {
    expect(strongest([1, 5, 3, 5], 3)).toEqual([1, 3, 2]);
    expect(chosenFilters({ list: [2, 40] }, [1, 2, 3])).toEqual([2]);
  });
  it('take the channel with the largest kernel', () => {
    const weights = new Float32Array([1, 1, 3, 0, 0, 0, 2, 2, -5, 0, 0, 1]); // 2 filters, 3 channels, 1 x 2
    expect(strongestChannels(weights, [2, 3, 1, 2], [0, 1])).toEqual([1, 1]);
    expect(strongestChannels(weights, [2, 3, 1, 2], [1])).toEqual([1]);
  });
});

describe('the measures that filters are chosen by', () => {
  it('are the change against the size that it began from', () => {
    const then = new Float32Array([3, 4, 1, 0]);
    expect(relativeChanges(new Float32Array([3, 4, 1, 3]), then, 2)).toEqual([0, 3]);
  });
  it('are the greatest mean of a class against that of the others', () => {
    expect(selectivity([3, 1, 1])).toBe(0.5);
    expect(selectivity([2, 0, null, -1])).toBe(1);
    expect(selectivity([1, 1, 1])).toBe(0);
    expect([selectivity([0, 0]), selectivity([5]), selectivity([null, null])]).toEqual([NaN, NaN, NaN]);
  });
  it('are named in the address', () => {
    expect(['norm', 'change', 'selective', 'x', ''].map(parseChosenBy)).toEqual([
      'norm',
      'change',
      'selective',
      'norm',
      'norm',
    ]);
  });
});

describe('tiles', () => {
  const grid = {
    tile_width: 5,
    tile_height: 5,
    columns: 2,
    gap: 1,
    filters: [4, 9, 2],
    channels: [0, 1, 2],
    rgb: true,
  };
  it('lie in a grid, or with channels in columns', () => {
    expect(tileAt(grid, 2, null)).toEqual({ x: 0, y: 6 });
    expect(tileAt(grid, 7, null)).toBeNull();
    const matrix = { ...grid, rgb: false, columns: 3 };
    expect(tileAt(matrix, 9, 2)).toEqual({ x: 12, y: 6 });
    expect(tileAt(matrix, 9, 8)).toBeNull();
  });
  it('have whole scales', () => {
    expect([5, 8, 16, 32, 24, 1, 64].map((n) => tileSide(n, 32))).toEqual([30, 32, 32, 32, 24, 32, 64]);
    expect(tilesThatFit(406, 34)).toBe(12);
  });
});

describe('a column', () => {
  const facts = {
    name: 'conv1',
    of: 32,
    kernel: [5, 5] as [number, number],
    map: [32, 32] as [number, number],
    channels: 3,
  };
  const filters = Array.from({ length: 14 }, (_, k) => k);
  it('has twelve tiles a line in 406 px, kernel above activation', () => {
    const column = layColumn(facts, { filters, channels: null }, 406, true);
    expect(column).toMatchObject({
      pitch: 34,
      per_line: 12,
      lines: 2,
      rgb: true,
      line_height: 64,
      height: 134,
    });
    expect(placeOf(column, 13)).toEqual({ x: 34, y: 70 });
    expect(tileUnder(column, 40, 75)).toBe(13);
    expect([tileUnder(column, 75, 75), tileUnder(column, 409, 0), tileUnder(column, -1, 0)]).toEqual([
      -1, -1, -1,
    ]);
  });
  it('takes a scale at which twelve small kernels stand in a line with their maps', () => {
    const small = {
      name: 'conv',
      of: 32,
      kernel: [3, 3] as [number, number],
      map: [32, 32] as [number, number],
      channels: 3,
    };
    const filters = Array.from({ length: 12 }, (_, n) => n);
    const column = layColumn(small, { filters, channels: null }, 406, true);
    expect([column.lines, column.per_line, column.kernel?.side_x]).toEqual([1, 12, 30]);
  });
  it('has larger tiles where few filters leave room, never beyond the most', () => {
    expect([3, 12, 100].map((n) => grownTile(n, 406, 96))).toEqual([96, 32, 32]);
    expect(grownTile(5, 406, 96)).toBe(79);
    const column = layColumn(facts, { filters: [7, 3, 9], channels: null }, 406, true, 72);
    expect(column).toMatchObject({ lines: 1, kernel: { side_x: 70 }, map: { side_x: 64 }, pitch: 72 });
    expect(headNumbers(column)).toEqual([
      { filter: 7, x: 0, line: 0 },
      { filter: 3, x: 72, line: 0 },
      { filter: 9, x: 144, line: 0 },
    ]);
  });
  it('numbers its filters in the head, and line by line where there are many lines', () => {
    const two = layColumn(facts, { filters, channels: null }, 406, true);
    expect(headNumbers(two)[13]).toEqual({ filter: 13, x: 34, line: 1 });
    const many = layColumn(
      { ...facts, of: 64 },
      { filters: Array.from({ length: 40 }, (_, k) => k), channels: null },
      406,
      true,
    );
    expect(many).toMatchObject({ lines: 4, numbers: NUMBERS, height: 4 * (NUMBERS + 70) - 6 });
    expect(headNumbers(many)).toEqual([]);
    expect(placeOf(many, 12)).toEqual({ x: 0, y: 70 + 2 * NUMBERS });
    expect(tileUnder(many, 1, 70 + 2 * NUMBERS + 1)).toBe(12);
  });
  it('draws no kernel of a single weight, and no map without an image', () => {
    const fc = layColumn(
      { ...facts, kernel: [1, 1], map: [1, 1], channels: 64 },
      { filters, channels: null },
      406,
      true,
    );
    expect(fc.kernel).toBeNull();
    expect(fc.rgb).toBe(false);
    expect(fc.line_height).toBe(32);
    expect(layColumn(facts, { filters, channels: null }, 406, false)).toMatchObject({
      map: null,
      line_height: 30,
    });
  });
});
