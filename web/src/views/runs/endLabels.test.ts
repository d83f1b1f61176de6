import { expect, it } from 'vitest';
import type { Curve } from './curves';
import { apart, cutName, endOf, namedRuns, roomForNames, type Placed } from './endLabels';

it('names all of a few curves, and of many those that are picked', () => {
  const many = Array.from({ length: 9 }, (_, n) => `r${n}`);
  expect(namedRuns(['r1'], many.slice(0, 8))).toHaveLength(8);
  expect(namedRuns(['r1', 'gone'], many)).toEqual(['r1']);
});

it('cuts the beginning of a name', () => {
  expect(cutName('seed1', 100, 11)).toBe('seed1');
  expect(cutName('cifar10-80sec-seed1', 60, 11)).toBe('…ec-seed1');
});

it('leaves the room that the names need, and no more than a share', () => {
  const box = { width: 640, left: 40, min: 24 };
  expect(roomForNames([], box)).toBe(24);
  expect(roomForNames([{ run: 'a', share: 1, width: 90 }], box)).toBe(90);
  expect(roomForNames([{ run: 'a', share: 0.3, width: 90 }], box)).toBe(24);
  expect(roomForNames([{ run: 'a', share: 1, width: 900 }], box)).toBe(228);
});

it('ends a curve at its last value', () => {
  const curve = (y: number[]): Curve => ({ run: 'a', x: y.map((_, n) => n), y });
  expect(endOf(curve([3, 2, Number.NaN]))).toEqual({ x: 1, y: 2 });
  expect(endOf(curve([Number.NaN]))).toBeNull();
});

it('moves labels apart that would cover each other, and none below the plot', () => {
  const at = (run: string, x: number, y: number): Placed => ({ run, x, y, width: 50 });
  const ys = (labels: Placed[]) => Object.fromEntries(labels.map(({ run, y }) => [run, y]));
  expect(ys(apart([at('a', 0, 20), at('b', 10, 22), at('c', 200, 21)], 12, 100))).toEqual({
    a: 20,
    b: 32,
    c: 21,
  });
  expect(ys(apart([at('a', 0, 95), at('b', 0, 97), at('c', 0, 99)], 12, 100))).toEqual({
    a: 76,
    b: 88,
    c: 100,
  });
});
