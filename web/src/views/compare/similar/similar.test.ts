import { expect, it } from 'vitest';
import type { SimilarLayer } from '../../../api/types';
import {
  constantLayers,
  fieldLayout,
  flipped,
  isConstant,
  lettersIn,
  movePair,
  pairRows,
  pairWords,
  similarTables,
  similarWords,
  withBInRows,
  type SimilarLayers,
} from './similar';

const layer = (name: string, grid: number, features: number): SimilarLayer => ({
  layer: name,
  measured_at: name,
  grid: [grid, grid],
  features,
});
const found: SimilarLayers = {
  rows: 'A',
  columns: 'B',
  images: 1000,
  a: ['conv1', 'fc'],
  b: ['stem', 'block', 'head'],
  left_out: 0,
  features: {
    a: [layer('conv1', 4, 512), layer('fc', 1, 10)],
    b: [4, 2, 1].map((grid) => layer('b', grid, 64)),
  },
  cka: [
    [0.9, 0.5, 0.1],
    [0.2, null, 0.7],
  ],
  cka_interval: [
    [
      [0.88, 0.92],
      [0.4, 0.6],
      [0, 0.2],
    ],
    [[0.1, 0.3], null, [0.65, 0.74]],
  ],
  procrustes: [
    [0.8, 0.4, 0.1],
    [0.1, null, 0.6],
  ],
  proposed: [0, 2],
};

it('has B in the rows while the key that shows B is held', () => {
  const turned = withBInRows(found);
  expect([turned.a, turned.b]).toEqual([found.b, found.a]);
  expect(turned.cka).toEqual([
    [0.9, 0.2],
    [0.5, null],
    [0.1, 0.7],
  ]);
  // No layer of A is opposite the second of B; of two that are, the most similar is named.
  expect(turned.proposed).toEqual([0, null, 1]);
  expect(withBInRows({ ...found, proposed: [0, 0] }).proposed).toEqual([0, null, null]);
  const pair = { a: 2, b: 1 };
  expect(pairWords(turned, pair)).toBe('head and fc of A: CKA 0.70, 0.65 to 0.74; Procrustes 0.60');
  expect(pairWords(found, flipped(pair))).toBe('fc and head of B: CKA 0.70, 0.65 to 0.74; Procrustes 0.60');
  expect(similarWords({ ...turned, proposed: [null, null, null] })).toContain('No layer of B');
});

it('says where the two see most and least alike', () => {
  expect(similarWords(found)).toBe(
    'conv1 and stem of B respond most alike to 1,000 test images (CKA 0.90); fc finds least in B (0.70, head).',
  );
  expect(similarWords({ ...found, proposed: [null, null] })).toContain('No layer of A');
});

it('names a pair with its interval', () => {
  expect(pairWords(found, { a: 0, b: 0 })).toBe('conv1 and stem of B: CKA 0.90, 0.88 to 0.92; Procrustes 0.80');
  expect(pairWords(found, { a: 1, b: 1 })).toContain('constant');
  expect(pairRows(found, { a: 1, b: 1 }).map(([, value]) => value)).toEqual([
    '–',
    'none',
    '–',
    '10 values',
    '64 values, 2 × 2 positions',
  ]);
});

it('stays within the field', () => {
  const size = { a: 2, b: 3 };
  expect(movePair({ a: 0, b: 0 }, 'ArrowUp', size)).toEqual({ a: 0, b: 0 });
  expect(movePair({ a: 0, b: 0 }, 'End', size)).toEqual({ a: 0, b: 2 });
  expect(movePair({ a: 1, b: 2 }, 'ArrowLeft', size)).toEqual({ a: 1, b: 1 });
  expect(movePair({ a: 1, b: 2 }, 'q', size)).toBeNull();
});

it('writes numbers where they fit', () => {
  const room = { width: 600, height: 400 };
  const of = (a: number, b: number, letters = 6, scale = 1) => fieldLayout({ a, b }, letters, room, scale);
  expect(of(5, 5)).toEqual({ width: 64, height: 52, head: 84, numbered: true });
  expect(of(60, 60)).toEqual({ width: 14, height: 14, head: 84, numbered: false });
  // For very unequal depths the cells are oblong.
  expect(of(22, 5)).toEqual({ width: 42, height: 14, head: 84, numbered: false });
  expect(of(5, 22)).toEqual({ width: 27, height: 52, head: 84, numbered: false });
  expect(of(5, 22, 16).head).toBe(108);
  expect(of(5, 22, 99).head).toBe(148);
  expect(lettersIn(108, 1)).toBe(16);
});

it('knows constant layers from layers that were not compared', () => {
  expect(isConstant(found, { a: 1, b: 1 })).toBe(true);
  expect(isConstant(found, { a: 0, b: 0 })).toBe(false);
  expect(constantLayers(found)).toEqual({ a: [], b: [] });
  const cka = [
    [0.9, null, 0.1],
    [null, null, null],
  ];
  expect(constantLayers({ ...found, cka })).toEqual({ a: [1], b: [1] });
});

it('has tables', () => {
  const [together, cka] = similarTables(found);
  expect(together.rows).toEqual([
    ['conv1', 'stem', 0.9, 0.88, 0.92, 0.8],
    ['fc', 'head', 0.7, 0.65, 0.74, 0.6],
  ]);
  expect(cka.rows[1]).toEqual(['fc', 0.2, null, 0.7]);
});
