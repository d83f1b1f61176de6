import { expect, test } from 'vitest';
import { fieldOf, patchStep, placeOf } from './patches';

const patch = (x: number, y: number, width: number, height: number) => ({ x, y, width, height });

test('a small field is drawn at a whole-number scale, in the middle', () => {
  const field = fieldOf([patch(3, 4, 5, 5), patch(0, 0, 3, 4)]);
  expect(field).toEqual({ width: 5, height: 5 });
  expect(placeOf(patch(3, 4, 5, 5), field, 65)).toMatchObject({ x: 0, y: 0, width: 65, height: 65 });
  expect(placeOf(patch(3, 4, 5, 5), field, 64)).toMatchObject({ x: 2, y: 2, width: 60, height: 60 });
});

test('what is cut off at the border stays background', () => {
  const field = { width: 5, height: 5 };
  expect(placeOf(patch(0, 0, 3, 4), field, 65)).toMatchObject({ x: 26, y: 13, width: 39, height: 52 });
  expect(placeOf(patch(29, 28, 3, 4), field, 65)).toMatchObject({ x: 0, y: 0, width: 39, height: 52 });
});

test('a large field is made smaller and keeps its proportions', () => {
  const field = { width: 224, height: 112 };
  expect(placeOf(patch(0, 0, 224, 112), field, 64)).toMatchObject({ x: 0, y: 16, width: 64, height: 32 });
});

test('arrows go from picture to picture and stay within them', () => {
  const grid = { columns: 3, count: 8 };
  expect(['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown'].map((key) => patchStep(4, key, grid))).toEqual([
    3, 5, 1, 7,
  ]);
  expect([patchStep(0, 'ArrowLeft', grid), patchStep(5, 'ArrowDown', grid)]).toEqual([0, 5]);
  expect([patchStep(4, 'Home', grid), patchStep(4, 'End', grid), patchStep(4, 'a', grid)]).toEqual([
    0,
    7,
    null,
  ]);
});
