import { describe, expect, it } from 'vitest';
import { matrixLayout, namedLayout, tileLayout, wholeScale } from './layout';

describe('the matrix', () => {
  it('has the size of the drawing at 1440 x 900', () => {
    expect(matrixLayout(10, 604, 524, 84)).toMatchObject({ cell_width: 60, cell_height: 52, histories: true });
  });
  it('gives up histories, then numbers, as classes grow', () => {
    expect(matrixLayout(20, 604, 524, 84)).toMatchObject({ numbered: true, histories: false });
    expect(matrixLayout(21, 604, 524, 84).numbered).toBe(false);
    expect(matrixLayout(1000, 604, 524, 84).cell_width).toBe(1);
  });
  it('sets names upright where they are wider than their column', () => {
    const names = Array.from({ length: 18 }, (_, k) => `class ${k}`);
    expect(namedLayout(names, 604, 568, 84)).toMatchObject({ upright: true, numbered: true });
    expect(namedLayout(['cat', 'dog'], 604, 568, 84)).toMatchObject({ upright: false, head_height: 44 });
    const ten = ['automobile', ...Array.from({ length: 9 }, () => 'cat')];
    expect(namedLayout(ten, 604, 568, 84).upright).toBe(false);
  });
  it('always fits unless cells would vanish', () => {
    for (const classes of [2, 3, 10, 20, 21, 100, 500]) {
      const { cell_width, cell_height } = matrixLayout(classes, 604, 524, 84);
      expect(cell_width * classes).toBeLessThanOrEqual(604);
      expect(cell_height * classes).toBeLessThanOrEqual(524);
    }
  });
});

describe('tiles', () => {
  const spacing = { gap: 7, under: 6, min: 2, max: 4 };
  it('shows 48 at 64 px in 564 x 462', () => {
    expect(tileLayout(48, { width: 564, height: 462 }, { width: 32, height: 32 }, spacing)).toEqual({
      scale: 2,
      columns: 8,
      page: 48,
    });
  });
  it('fills whole rows where there is room for more', () => {
    const { scale, columns, page } = tileLayout(
      48,
      { width: 786, height: 650 },
      { width: 32, height: 32 },
      spacing,
    );
    expect([scale, columns, page % columns, page >= 48]).toEqual([2, 11, 0, true]);
  });
  it('grows by whole scales only', () => {
    expect(tileLayout(12, { width: 564, height: 462 }, { width: 32, height: 32 }, spacing).scale).toBe(4);
    expect(tileLayout(48, { width: 200, height: 100 }, { width: 32, height: 32 }, spacing)).toEqual({
      scale: 2,
      columns: 2,
      page: 48,
    });
    expect([wholeScale(32, 64), wholeScale(32, 20), wholeScale(96, 64), wholeScale(28, 64)]).toEqual([
      2, 1, 1, 2,
    ]);
  });
});
