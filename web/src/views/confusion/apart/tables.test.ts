import { expect, test } from 'vitest';
import type { Separation } from '../../../api/types';
import { separationTables } from './tables';

test('every layer and every listed unit is a row', () => {
  const found: Separation = {
    checkpoint: 4,
    split: 'test',
    classes: [1, 2],
    images: [50, 60],
    layers_left_out: 0,
    layers: [
      {
        layer: 'conv1',
        measured_at: 'relu1',
        units: 8,
        best_unit: 3,
        best_area: 0.75,
        best_class: 2,
        median_area: 0.55,
        probe_area: null,
        probe_interval: null,
      },
    ],
    units: [
      {
        layer: 'conv1',
        measured_at: 'relu1',
        unit: 3,
        area: 0.75,
        class: 2,
        means: [0.5, 1.5],
        range: [0, 2],
        histograms: [],
      },
    ],
  };
  const [layers, units] = separationTables(found, ['car', 'cat', 'dog']);
  expect(layers.name).toBe('Layers, cat and dog');
  expect(layers.rows).toEqual([['conv1', null, null, null, '3', 0.75, 'dog', 0.55, 8, 'relu1']]);
  expect(units.head.slice(4, 6)).toEqual(['mean, cat', 'mean, dog']);
  expect(units.rows).toEqual([['3', 'conv1', 0.75, 'dog', 0.5, 1.5, 'relu1']]);
  for (const table of [layers, units]) expect(table.rows[0]).toHaveLength(table.head.length);
});
