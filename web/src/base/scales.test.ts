import { describe, expect, it } from 'vitest';
import { cellAt, gridHeight, gridWidth, nearest, roundStep, roundTicks, wholeScale, type Grid } from './scales';

const bank: Grid = { columns: 8, rows: 4, scaleX: 13, scaleY: 13, tileWidth: 5, tileHeight: 5, gap: 1 };

describe('picture grid', () => {
  it('measures itself', () => {
    expect(gridWidth(bank)).toBe(8 * 66 - 1);
    expect(gridHeight(bank)).toBe(4 * 66 - 1);
  });
  it('finds the tile and the value under the pointer', () => {
    expect(cellAt(bank, 0, 0, 32)).toEqual({ index: 0, column: 0, row: 0, x: 0, y: 0 });
    expect(cellAt(bank, 66 + 14, 66 * 3 + 64, 32)).toEqual({ index: 25, column: 1, row: 3, x: 1, y: 4 });
  });
  it('is empty outside and past the last tile', () => {
    expect(cellAt(bank, -1, 5, 32)).toBeNull();
    expect(cellAt(bank, 66 * 8, 5, 32)).toBeNull();
    expect(cellAt(bank, 66 * 7, 66 * 3, 30)).toBeNull();
  });
  it('chooses whole scales', () => {
    expect(wholeScale(528, 8, 5, 1)).toBe(13);
    expect(wholeScale(528, 8, 32, 2)).toBe(2);
    expect(wholeScale(10, 8, 32, 2)).toBe(1);
  });
});

describe('axis', () => {
  it('finds the nearest', () => {
    expect(nearest([0, 78, 156], 100)).toBe(1);
    expect(nearest([0, 78, 156], 140)).toBe(2);
    expect(nearest([0, 78, 156], -5)).toBe(0);
    expect(nearest([0, 78, 156], 900)).toBe(2);
    expect(nearest([], 4)).toBe(-1);
  });
  it('ticks cleanly', () => {
    expect(roundTicks(0.4, 4)).toEqual([0, 0.1, 0.2, 0.3, 0.4]);
    expect(roundTicks(10, 20, 1)).toHaveLength(11);
  });
  it('steps roundly', () => {
    expect(roundStep(10, 10)).toBe(1);
    expect(roundStep(130, 12)).toBe(20);
    expect(roundStep(0, 5)).toBe(1);
  });
});
