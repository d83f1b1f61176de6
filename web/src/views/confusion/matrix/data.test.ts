import { describe, expect, it } from 'vitest';
import {
  cellHistory,
  columnSums,
  formatCell,
  historyTop,
  lastNonEmpty,
  moveCell,
  parseCell,
  precisions,
  recalls,
  roundUp,
  rowSums,
  seriesIndex,
  shadeLimit,
  shadeValues,
  worstCell,
  type Series,
} from './data';

const NOW = [8, 2, 0, 1, 5, 4, 0, 0, 0];
const BEFORE = [5, 5, 0, 4, 5, 1, 0, 0, 0];

describe('sums and shares', () => {
  it('sums rows and columns', () => {
    expect(rowSums(NOW, 3)).toEqual([10, 10, 0]);
    expect(columnSums(NOW, 3)).toEqual([9, 7, 4]);
  });
  it('gives recall by row and precision by column, null where there is nothing', () => {
    expect(recalls(NOW, 3)).toEqual([0.8, 0.5, null]);
    expect(precisions(NOW, 3)).toEqual([8 / 9, 5 / 7, 0]);
    expect(precisions([1, 0, 1, 0], 2)).toEqual([0.5, null]);
  });
  it('shades by count, share of row, share of column', () => {
    expect([...shadeValues(NOW, 3, 'count')]).toEqual(NOW);
    expect([...shadeValues(NOW, 3, 'row')].slice(0, 6)).toEqual([0.8, 0.2, 0, 0.1, 0.5, 0.4]);
    expect(shadeValues(NOW, 3, 'column')[5]).toBe(1);
    expect([...shadeValues(NOW, 3, 'row')].slice(6)).toEqual([0, 0, 0]);
  });
});

describe('the scale', () => {
  const series = (counts: number[][]): Series => ({
    classes: 2,
    images: 20,
    checkpoints: counts.map((_, n) => n),
    counts,
  });
  it('leaves the diagonal and the untrained start out', () => {
    const s = series([
      [0, 10, 0, 10],
      [7, 3, 4, 6],
      [9, 1, 2, 8],
    ]);
    expect(shadeLimit(s, 'count', false)).toBe(4);
    expect(shadeLimit(s, 'count', true)).toBe(10);
    expect(shadeLimit(s, 'row', false)).toBe(0.4);
  });
  it('holds for a single checkpoint and for nothing but zeros', () => {
    expect(shadeLimit(series([[5, 0, 0, 5]]), 'count', false)).toBe(1);
    expect(shadeLimit(series([[5, 3, 0, 5]]), 'count', false)).toBe(3);
    expect(shadeLimit(series([]), 'count', false)).toBe(1);
  });
  it('rounds up to round numbers', () => {
    expect([0.013, 0.2, 1, 7.1, 174, 0].map(roundUp)).toEqual([0.015, 0.2, 1, 8, 200, 1]);
  });
});

describe('cells over time', () => {
  const series: Series = { classes: 3, images: 20, checkpoints: [0, 2, 5], counts: [BEFORE, NOW, NOW] };
  it('finds a checkpoint, and none that is absent', () => {
    expect([0, 2, 5, 1, 9].map((c) => seriesIndex(series, c))).toEqual([0, 1, 2, -1, -1]);
  });
  it('follows one cell', () => {
    expect(cellHistory(series, { truth: 1, predicted: 0 })).toEqual([4, 1, 1]);
    expect(historyTop([900, 3, 4, 5])).toBe(5);
    expect(historyTop([0, 0])).toBe(1);
  });
  it('finds when a cell was last above zero', () => {
    expect(lastNonEmpty(series, { truth: 0, predicted: 1 }, 5)).toEqual({ checkpoint: 2, count: 2 });
    expect(lastNonEmpty(series, { truth: 2, predicted: 0 }, 5)).toBeNull();
  });
  it('names the worst cell, never the diagonal', () => {
    expect(worstCell(NOW, 3)).toEqual({ truth: 1, predicted: 2 });
  });
});

describe('the selected cell', () => {
  it('moves with the arrows and stays inside', () => {
    expect(moveCell({ truth: 0, predicted: 2 }, 'ArrowRight', 3)).toEqual({ truth: 0, predicted: 2 });
    expect(moveCell({ truth: 0, predicted: 2 }, 'ArrowDown', 3)).toEqual({ truth: 1, predicted: 2 });
    expect(moveCell({ truth: 1, predicted: 2 }, 'Home', 3)).toEqual({ truth: 1, predicted: 0 });
    expect(moveCell({ truth: 1, predicted: 2 }, 'x', 3)).toBeNull();
  });
  it('lives in the address', () => {
    expect(parseCell(formatCell({ truth: 3, predicted: 5 }), 10)).toEqual({ truth: 3, predicted: 5 });
    expect([parseCell('3-10', 10), parseCell('a', 10), parseCell(null, 10)]).toEqual([null, null, null]);
  });
});
