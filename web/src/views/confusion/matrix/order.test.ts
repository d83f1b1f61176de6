import { describe, expect, it } from 'vitest';
import {
  classOrder,
  findClass,
  groupNeighbours,
  formatZoom,
  parseZoom,
  groupedCell,
  groupCounts,
  groupClasses,
} from './order';

// a is confused with d, b with c.
const counts = [6, 0, 0, 4, 0, 9, 1, 0, 0, 2, 8, 0, 3, 0, 0, 7];
const names = ['a', 'b', 'c', 'd'];

describe('the order of the classes', () => {
  it('puts the worst first, or the confused side by side', () => {
    expect(classOrder('class', counts, 4)).toEqual([0, 1, 2, 3]);
    expect(classOrder('error', counts, 4)).toEqual([0, 3, 2, 1]);
    expect(classOrder('similar', counts, 4)).toEqual([0, 3, 1, 2]);
  });
  it('moves counts with their classes', () => {
    const view = groupClasses(names, [0, 3, 1, 2], null, 10);
    expect(view.names).toEqual(['a', 'd', 'b', 'c']);
    expect([...(groupCounts(counts, 4, view) as number[])]).toEqual([
      6, 4, 0, 0, 3, 7, 0, 0, 0, 0, 9, 1, 0, 0, 2, 8,
    ]);
    expect(groupedCell(view, { truth: 1, predicted: 2 })).toEqual({ truth: 2, predicted: 3 });
  });
});

describe('many classes', () => {
  it('fold together, and no image is lost', () => {
    const view = groupClasses(names, [0, 3, 1, 2], null, 2);
    expect(view.names).toEqual(['a … d (2)', 'b … c (2)']);
    expect([...(groupCounts(counts, 4, view) as number[])]).toEqual([20, 0, 0, 20]);
    expect(
      groupNeighbours(
        Array.from({ length: 1000 }, (_, k) => k),
        150,
      ).length,
    ).toBeLessThanOrEqual(150);
  });
  it('unfold in part', () => {
    expect(formatZoom([7, 0, 1, 2])).toBe('0-2,7-7');
    expect(parseZoom('0-2,7-7', 9)).toEqual([0, 1, 2, 7]);
    expect(parseZoom('nonsense', 9)).toBe(null);
    const view = groupClasses(names, [0, 3, 1, 2], parseZoom('0-1', 4), 10);
    expect(view.names).toEqual(['a', 'd']);
    expect(groupedCell(view, { truth: 1, predicted: 0 })).toBe(null);
  });
  it('are found by a part of their name', () => {
    const all = ['fire truck', 'truck', 'pickup'];
    expect([
      findClass(all, 'truck'),
      findClass(all, 'pick'),
      findClass(all, 'fire t'),
      findClass(all, 'x'),
    ]).toEqual([1, 2, 0, null]);
  });
});
