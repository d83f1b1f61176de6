import { expect, it } from 'vitest';
import { bars, length } from './prediction';

const classes = ['cat', 'dog', 'ship'];
const input = { classes, shown: [0, 1, 2], now: [0.1, 0.85, 0.05], tick: [0.3, 0.3, 0.4] };

it('marks the best class and keeps every class', () => {
  const rows = bars(input);
  expect(rows.map((r) => r.best)).toEqual([false, true, false]);
  expect(rows.map((r) => r.value)).toEqual(['0.100', '0.850', '0.050']);
  expect(bars({ ...input, now: null, tick: null }).map((r) => [r.now, r.tick, r.best])).toEqual([
    [0, -1, false],
    [0, -1, false],
    [0, -1, false],
  ]);
});

it('gives bars whole pixels between the names and the numbers', () => {
  expect([0, 0.1, 0.85, 1].map((probability) => length(probability, 236))).toEqual([0, 11, 94, 110]);
});
