import { expect, it } from 'vitest';
import type { MatchedUnits } from '../../../api/types';
import { comparedLayer, dotsOf, isShownByWeights, matchedTables, matchedWords, median } from './matching';
import { counterpart } from '../../common/runs/layers';

const pair = (a: number, b: number, correlation: number, mutual = true) => ({ a, b, correlation, mutual });
const found: MatchedUnits = {
  checkpoint: 0,
  b: { run: 'other', checkpoint: 0 },
  layer: 'conv1',
  b_layer: 'stem',
  measured_at: ['relu1', 'relu'],
  images: 1000,
  split: 'test',
  grid: [8, 8],
  chance: 0.231,
  units: [4, 6],
  silent: [[3], []],
  pairs: [pair(0, 2, 0.98), pair(1, 0, 0.9), pair(2, 5, 0.4, false)],
  unmatched: {
    a: [{ unit: 3, nearest: null, correlation: 0 }],
    b: [{ unit: 1, nearest: 2, correlation: 0.2 }],
  },
};

it('says how many filters have a counterpart', () => {
  expect(matchedWords(found)).toBe(
    '3 of 4 filters of conv1 find a counterpart among the 6 of stem in B by more than chance (0.23), 2 of them each other’s best. ' +
      'The median correlation is 0.90.',
  );
  expect(matchedWords({ ...found, units: [2, 2], pairs: found.pairs.slice(0, 2) })).toContain(
    'All 2 filters of conv1 find a counterpart',
  );
  expect(matchedWords({ ...found, pairs: [] })).toContain('No filter of conv1');
  expect(median([1, 3])).toBe(2);
});

it('chooses the layer of B: as asked, as proposed, by name, by depth', () => {
  const layers = { a: ['c1', 'c2', 'c3'], b: ['x', 'c2', 'y'], proposed: [0, null, 9] };
  expect(counterpart(layers, 'c1', 'y')).toBe('y');
  expect(counterpart(layers, 'c1', 'gone')).toBe('x');
  expect(counterpart(layers, 'c2', '')).toBe('c2');
  expect(counterpart(layers, 'c3', '')).toBe('y');
  expect(counterpart(layers, 'none', '')).toBeNull();
  const same = { a: ['c1', 'c2'], b: ['c1', 'c2'], proposed: [0, 0] };
  expect(counterpart(same, 'c2', '')).toBe('c2');
});

it('begins with a layer that is compared', () => {
  const layers = [
    { name: 'data', weight_shape: null },
    { name: 'c1', weight_shape: [1] },
  ];
  expect(comparedLayer(['c1', 'fc'], 'fc', layers)).toBe('fc');
  expect(comparedLayer(['data', 'c1'], 'other', layers)).toBe('c1');
  expect(comparedLayer([], 'other', layers)).toBeNull();
});

it('shows weights only where they are a picture', () => {
  const of = (sheet_shape: [number, number, number, number] | null, input = 'data') =>
    isShownByWeights({ sheet_shape, inputs: [input] }, 'data');
  expect([of([32, 3, 5, 5]), of([32, 1, 5, 5]), of([32, 3, 5, 5], 'c1'), of([9, 32, 3, 3]), of(null)]).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});

it('piles equal pairs up', () => {
  expect(dotsOf([pair(0, 0, 0.5), pair(1, 1, 0.501), pair(2, 2, 1)], 50).map((d) => [d.at, d.level])).toEqual([
    [0.5, 0],
    [0.5, 1],
    [1, 0],
  ]);
});

it('has tables', () => {
  const [matched, alone] = matchedTables(found);
  expect(matched.rows[2]).toEqual([2, 5, 0.4, 'no']);
  expect(alone.rows).toEqual([
    ['A', 3, null, 0, 'yes'],
    ['B', 1, 2, 0.2, 'no'],
  ]);
});
