import { expect, test } from 'vitest';
import type { Separation } from '../../../api/types';
import { separationWords, separationRows } from './separationByLayer';

const layer = (name: string, area: number | null, error = 0.03): Separation['layers'][number] => ({
  layer: name,
  measured_at: `${name}_relu`,
  units: 8,
  best_unit: 3,
  best_area: 0.75,
  best_class: 1,
  median_area: 0.55,
  probe_area: area,
  probe_interval: area === null ? null : [area - error, area + error],
});

test('the last layer is on top, chance at the left end', () => {
  const [top, bottom] = separationRows([layer('conv1', 0.5), layer('fc', 1)]);
  expect([top.layer, top.all, bottom.all]).toEqual(['fc', 1, 0]);
  expect(top.best).toBe(0.5);
  expect(top.median).toBeCloseTo(0.1);
  expect(top.error).toBeCloseTo(0.03);
  expect(bottom.interval?.[0]).toBe(0);
  expect(separationRows([layer('a', null)])[0].all).toBeNull();
});

test('words say from which layer on it no longer grows', () => {
  expect(separationWords([layer('a', 0.6), layer('b', 0.7), layer('c', 0.8)])).toBe(
    'told apart better and better up to c',
  );
  expect(separationWords([layer('a', 0.6), layer('b', 0.79), layer('c', 0.8)])).toBe(
    'as well told apart in b as at the end',
  );
  expect(separationWords([layer('a', 0.6), layer('b', 0.9), layer('c', 0.8)])).toBe(
    'best told apart in b: what it knows is lost on the way to c',
  );
  expect(separationWords([layer('a', 0.6)])).toBe('');
});
