import { expect, it } from 'vitest';
import type { Lifeline, Lifelines, MatchedUnits } from '../../../api/types';
import {
  bornWords,
  cellRows,
  columnWidth,
  eventsOf,
  lifeWords,
  matchesOf,
  matchWords,
  orderOf,
  originWords,
  rowHeight,
  splitsOf,
  stateAt,
  takeOvers,
} from './lifelines';
import { lifelineTables } from './table';

const unit = (n: number, born: number | null, more: Partial<Lifeline> = {}): Lifeline => ({
  unit: n,
  born,
  died: null,
  origin: null,
  to_last: [0.1, 0.6, 0.9, 1],
  ...more,
});
const from = (n: number, correlation = 0.62) => ({ origin: { unit: n, correlation } });
const found: Lifelines = {
  layer: 'conv2',
  measured_at: 'relu2',
  images: 200,
  split: 'test',
  grid: [8, 8],
  checkpoints: [0, 4, 8, 12],
  left_out: [],
  units: [
    unit(0, 8, from(2)),
    unit(1, 4),
    unit(2, 0),
    unit(3, 4, from(2, 0.71)),
    unit(4, null, { died: 8, to_last: [null, null, null, null] }),
    unit(5, 12, from(1)),
    unit(6, null, { died: 4, to_last: [null, null, null, null] }),
  ],
};
const epochOf = (checkpoint: number) => checkpoint / 10;

it('orders by birth, then place; what never became itself comes last', () => {
  expect(orderOf(found.units, 'birth')).toEqual([2, 1, 3, 0, 5, 6, 4]);
  expect(orderOf(found.units, 'number')).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

it('finds splits: several units of one origin', () => {
  expect(splitsOf(found.units).map(({ origin, into }) => [origin, into.map((one) => one.unit)])).toEqual([
    [2, [3, 0]],
  ]);
  expect(originWords(found, found.units[0])).toBe('filter 2 (0.62), as did 3: a split');
  expect(originWords(found, found.units[5])).toBe('filter 1 (0.62)');
  expect(originWords(found, found.units[1])).toBe('');
});

it('draws a take-over from the row of the origin to that of the unit', () => {
  const drawn = takeOvers(found, orderOf(found.units, 'birth'));
  expect(drawn).toEqual([
    { unit: 0, from: 2, rows: [0, 3], column: 2, isSplit: true },
    { unit: 3, from: 2, rows: [0, 2], column: 1, isSplit: true },
    { unit: 5, from: 1, rows: [1, 4], column: 3, isSplit: false },
  ]);
});

it('a cell is a correlation, constant, or dead', () => {
  expect([0, 1].map((column) => stateAt(found, found.units[1], column))).toEqual([0.1, 0.6]);
  expect([1, 2].map((column) => stateAt(found, found.units[4], column))).toEqual(['constant', 'dead']);
});

it('rows keep room for their number', () => {
  expect(rowHeight(480, 24, 1)).toBe(18);
  expect(rowHeight(480, 36, 1)).toBe(13);
  expect(rowHeight(480, 512, 1)).toBe(12);
  expect([columnWidth(600, 51), columnWidth(600, 4), columnWidth(90, 64)]).toEqual([11, 40, 2]);
});

it('says what became of a unit and of the layer', () => {
  expect(bornWords(found, found.units[1], epochOf)).toBe('checkpoint 4, epoch 0.4');
  expect(bornWords(found, found.units[2], () => null)).toBe('from the first, checkpoint 0');
  expect(bornWords(found, found.units[4], epochOf)).toContain('never');
  expect(cellRows(found, found.units[0], 1, epochOf)).toEqual([
    ['checkpoint 4, epoch 0.4', '0.60'],
    ['born', 'checkpoint 8, epoch 0.8'],
    ['took over from', 'filter 2 (0.62), as did 3: a split'],
  ]);
  expect(cellRows(found, found.units[4], null, epochOf)[1]).toEqual(['dead from', 'checkpoint 8, epoch 0.8']);
  expect(lifeWords(found, epochOf)).toBe(
    '7 filters, 4 checkpoints, 200 test images · half like their final selves by checkpoint 4, epoch 0.4, all by 12 · ' +
      '3 took over from another, 1 split · 2 dead at the end',
  );
  expect(eventsOf(found, epochOf).map(({ kind, unit: n, at }) => [kind, n, at])).toEqual([
    ['split', 3, 4],
    ['died', 6, 4],
    ['split', 0, 8],
    ['died', 4, 8],
    ['took over', 5, 12],
  ]);
  expect(eventsOf(found, epochOf)[0].says).toBe(
    'took over from 2 (0.71) at checkpoint 4, epoch 0.4; 2 split: so did 0',
  );
});

const matched: MatchedUnits = {
  checkpoint: 12,
  b: { run: 'other', checkpoint: 9 },
  layer: 'conv2',
  b_layer: 'stem',
  measured_at: ['relu2', 'relu'],
  images: 1000,
  split: 'test',
  grid: [8, 8],
  chance: 0.2,
  units: [7, 6],
  silent: [[4, 6], []],
  pairs: [
    { a: 0, b: 5, correlation: 0.84, mutual: true },
    { a: 1, b: 2, correlation: 0.3, mutual: false },
  ],
  unmatched: {
    a: [
      { unit: 2, nearest: 5, correlation: 0.15 },
      { unit: 4, nearest: null, correlation: 0 },
    ],
    b: [],
  },
};

it('names the unit of B, or says that there is none', () => {
  const matches = matchesOf(matched);
  const says = (n: number) => matchWords(matches.get(n), 'stem');
  expect([0, 1, 2, 4, 5].map(says)).toEqual([
    'stem 5 (0.84), each other’s best',
    'stem 2 (0.30), not its best',
    'no partner of its own; nearest stem 5 (0.15)',
    'constant, matched with none',
    'not compared',
  ]);
});

it('has tables', () => {
  const [lives, course] = lifelineTables(found, epochOf, { layer: 'stem', matches: matchesOf(matched) });
  expect(lives.head).toHaveLength(10);
  expect(lives.rows[0]).toEqual(['0', 8, 0.8, 2, 0.62, '3', null, 5, 0.84, 'each other’s best']);
  expect(lives.rows[4]).toEqual(['4', null, null, null, null, null, 8, null, 0, 'constant']);
  expect(lives.unitOf?.(lives.rows[3])).toEqual({ layer: 'conv2', filter: 3 });
  expect(course.rows[1]).toEqual(['1', 0.1, 0.6, 0.9, 1]);
  expect(lifelineTables(found, epochOf, null)[0].head).toHaveLength(7);
});
