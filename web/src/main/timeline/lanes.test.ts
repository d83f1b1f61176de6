import { expect, it } from 'vitest';
import type { Checkpoint } from '../../api/types';
import { axisOf, checkpointAt, errorPath, errorTop, readRows, scaledLane, timeText } from './lanes';

const point = (index: number, more: Partial<Checkpoint> = {}): Checkpoint =>
  ({
    index,
    step: index * 100,
    epoch: index,
    images_seen: index * 12_800,
    test_error: 0.9 - index / 10,
    train_loss: 2 - index / 4,
    problem: null,
    not_finite: false,
    diverged: false,
    statistics: {},
    ...more,
  }) as unknown as Checkpoint;
const points = { a: [0, 1, 2, 3].map((n) => point(n)), b: [0, 1].map((n) => point(n)) };

it('lies on the clock, and on epochs where the clock is the test error', () => {
  const clock = { unit: '', a: [0, 5, null, 20], b: [0, 40], pairs: [], missing: null };
  const axis = axisOf({ ...clock, by: 'time' }, points, 4);
  expect([axis.top, axis.name]).toEqual([40, 'time']);
  expect(axis.a[2]).toBeNaN();
  expect(axisOf({ ...clock, by: 'error' }, points, 4)).toMatchObject({ top: 3, name: 'epoch' });
  expect(axisOf(null, points, 4).a).toEqual([0, 1, 2, 3]);
});

it('names round times', () => {
  expect([5, 150, 3900].map(timeText)).toEqual(['5 s', '2:30', '1:05:00']);
  const clock = { by: 'time' as const, unit: '', a: [0, 4000], b: [0], pairs: [], missing: null };
  expect(axisOf(clock, points, 6).ticks.map(({ label }) => label)).toEqual(['0 s', '30:00', '1:00:00']);
});

it('finds the checkpoint at a place', () => {
  expect(checkpointAt([0, Number.NaN, 2, 3], 1.2)).toBe(2);
  expect(checkpointAt([Number.NaN], 1)).toBeNull();
});

it('draws the test error and breaks it at gaps', () => {
  const broken = [point(0), point(1), point(2, { problem: 'torn' }), point(3), point(4, { test_error: null })];
  expect(errorPath(broken, (n) => n, (e) => e)).toBe('M0.0,0.9L1.0,0.8M3.0,0.6'); // prettier-ignore
  expect(errorTop(broken, [point(0, { test_error: 0.95 })])).toBe(0.95);
});

it('reads A, B and their difference', () => {
  const rows = readRows(points.a[3], points.b[1]);
  expect(rows[0]).toEqual({ name: 'Checkpoint', a: '3', b: '1', difference: '+2' });
  expect(rows[3]).toMatchObject({ a: '60.00 %', b: '80.00 %', difference: '−20.00' });
  expect(readRows(points.a[0], null)[1]).toMatchObject({ b: '–', difference: '–' });
});

it('grows with the text, but for the line of the presenter', () => {
  expect(scaledLane('full', 1.5)).toMatchObject({ height: 78, baseline: 57, left: 84, axis: 35 });
  expect(scaledLane('line', 1.5)).toEqual(scaledLane('line', 1));
  expect(scaledLane('narrow', 1).height + scaledLane('narrow', 1).axis).toBe(75);
});
