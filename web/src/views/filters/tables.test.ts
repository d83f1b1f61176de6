import { expect, it } from 'vitest';
import type { LayerActivity, LayerHistory } from '../../api/types';
import { filterTables } from './tables';

const history = {
  checkpoints: [0, 4],
  filters: {
    norm: [
      [1, 2],
      [3, 4],
    ],
    bias: [
      [0, 0],
      [0.5, -1],
    ],
  },
} as unknown as LayerHistory;

const activity = {
  filters: [
    { mean: 2, deviation: 9, zeros: 0.25, active: 0.8, max: 7 },
    { mean: 0, deviation: 0, zeros: 1, active: 0, max: 0 },
  ],
  health: ['alive', 'dead'],
  image_spread: [2, 0],
  classes: {
    mean: [
      [5, 2.1, 0],
      [0, 0, 0],
    ],
    deviation: [],
    zeros: [],
  },
} as unknown as LayerActivity;

const input = {
  layer: 'conv1',
  layers: [],
  history,
  activity,
  checkpoint: 4,
  before: 0,
  classes: ['cat', 'dog', 'ship'],
  prediction: { now: null, before: null },
};

it('a row has the state of its filter, how often it fires, and the classes that stand out', () => {
  const [table] = filterTables(input);
  expect(table.head.slice(-4)).toEqual(['state', 'active fraction', 'images', 'classes']);
  expect(table.rows[0]).toEqual(['0', 3, 1, 2, 0.5, 'alive', 0.75, 0.8, 'cat +1.5, ship −1.0']);
  expect(table.rows[1].slice(-4)).toEqual(['dead', 0, 0, 'none stands out']);
  expect(table.unitOf?.(table.rows[1])).toEqual({ layer: 'conv1', filter: 1 });
});

it('without statistics there are only the weights', () => {
  const [table] = filterTables({ ...input, activity: null });
  expect(table.rows[0]).toEqual(['0', 3, 1, 2, 0.5]);
});
