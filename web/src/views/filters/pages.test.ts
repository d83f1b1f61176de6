import { describe, expect, it } from 'vitest';
import { changesOf, ofFilters, orderOf, pageAround, pageSize, selectionOf } from './pages';

const layer = (filters: number, channels: number, side: number) => ({
  sheet_shape: [filters, channels, side, side] as [number, number, number, number],
  shape: { channels: filters, height: 7, width: 7 },
});
const room = { width: 1108, height: 430 };

describe('pageSize', () => {
  it('shows small layers whole', () => {
    expect(pageSize(layer(256, 256, 3), 'matrix', 'both', room)).toBeNull();
    expect(pageSize(layer(64, 3, 7), 'tiles', 'both', room)).toBeNull();
    expect(pageSize({ sheet_shape: null, shape: layer(256, 1, 1).shape }, 'none', 'both', room)).toBeNull();
  });
  it('pages what would be smaller than two pixels a weight', () => {
    expect(pageSize(layer(512, 512, 3), 'matrix', 'both', room)).toEqual({ filters: 32, channels: 64 });
    expect(pageSize(layer(512, 64, 3), 'matrix', 'both', room)).toEqual({ filters: 32, channels: 64 });
    expect(pageSize(layer(2048, 512, 1), 'heat', 'both', room)).toEqual({ filters: 32, channels: 512 });
    expect(pageSize(layer(2048, 512, 1), 'heat', 'filters', room)).toEqual({ filters: 64, channels: 512 });
    expect(pageSize(layer(1152, 1, 5), 'tiles', 'both', room)).toEqual({ filters: 256, channels: 1 });
  });
});

describe('pages', () => {
  it('hold a place, and the last is shorter', () => {
    expect(pageAround(70, 32, 100)).toEqual({ first: 64, end: 96, total: 100 });
    expect(pageAround(999, 32, 100)).toEqual({ first: 96, end: 100, total: 100 });
    expect(pageAround(-3, 32, 100).first).toBe(0);
  });
  it('are selected as a range or a list', () => {
    expect(selectionOf([64, 65, 66])).toBe('64-66');
    expect(selectionOf([3, 9, 4])).toBe('3,9,4');
    expect(selectionOf([7])).toBe('7');
  });
});

describe('orderOf', () => {
  it('is greatest first, what is not finite last, the layer’s own order without numbers', () => {
    expect(orderOf([1, null, 3, NaN, 3], 5)).toEqual([2, 4, 0, 1, 3]);
    expect(orderOf(null, 3)).toEqual([0, 1, 2]);
    expect(orderOf([1], 2)).toEqual([0, 1]);
  });
  it('takes the numbers of maps for the filters at every place', () => {
    expect(ofFilters([0.5, 0.9], 2)).toEqual([0.5, 0.9]);
    expect(orderOf(ofFilters([0.5, 0.9], 6), 6)).toEqual([1, 3, 5, 0, 2, 4]);
    expect(ofFilters([0.5, 0.9], 5)).toBeNull();
    expect(ofFilters([], 5)).toBeNull();
    expect(ofFilters(null, 5)).toBeNull();
  });
  it('measures the change of each filter', () => {
    const then = new Float32Array([3, 4, 1, 0, 0, 0]);
    const now = new Float32Array([3, 4, 1, 1, 1, 0]);
    expect(changesOf(now, then, 2)).toEqual([0, 1, Infinity]);
  });
});
