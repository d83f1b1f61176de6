import { describe, expect, it } from 'vitest';
import type { PredictionChange, Checkpoint } from '../../../api/types';
import {
  kindCounts,
  changeKind,
  changeKey,
  filterChanges,
  changesTable,
  sinceCheckpoint,
} from './predictionChanges';

const move = (true_class: number, from: number, to: number, count: number): PredictionChange => ({
  true_class,
  from,
  to,
  count,
  images: [],
});
const all = [move(3, 5, 3, 34), move(3, 3, 5, 20), move(3, 5, 4, 7), move(1, 0, 1, 2)];

describe('moves', () => {
  it('are gained, lost or still wrong', () => {
    expect(all.map(changeKind)).toEqual(['gained', 'lost', 'wrong', 'gained']);
    expect(kindCounts(all, null)).toEqual({ all: 63, gained: 36, lost: 20, wrong: 7 });
    expect(kindCounts(all, 1)).toEqual({ all: 2, gained: 2, lost: 0, wrong: 0 });
    expect(filterChanges(all, { kind: 'gained', class_index: 3 }).map(changeKey)).toEqual(['3-5-3']);
  });
  it('lead into a cell, or out of it', () => {
    const of = (truth: number, predicted: number) =>
      filterChanges(all, { kind: null, class_index: null, cell: { truth, predicted } }).map(changeKey);
    expect(of(3, 5)).toEqual(['3-5-3', '3-3-5', '3-5-4']);
    expect(of(3, 4)).toEqual(['3-5-4']);
    expect(of(1, 1)).toEqual(['1-0-1']);
    expect(of(5, 3)).toEqual([]);
  });
  it('make a table', () => {
    const table = changesTable(
      { from: 1, to: 2, split: 'test', images: 34, learned: 34, forgotten: 0, moves: all.slice(0, 1) },
      ['a', 'b', 'c', 'cat', 'd', 'dog'],
    );
    expect(table.rows).toEqual([['cat', 'dog', 'cat', 34, 'gained']]);
    const ofTwo = changesTable(
      { from: 1, to: 2, split: 'test', images: 34, learned: 34, forgotten: 0, moves: all.slice(0, 1) },
      ['a', 'b', 'c', 'cat', 'd', 'dog'],
      true,
    );
    expect(ofTwo.head.slice(1, 3)).toEqual(['predicted by B at 1', 'predicted by A at 2']);
    expect(ofTwo.rows[0][4]).toBe('A right');
  });
});

it('knows which checkpoint is meant', () => {
  const points = [0, 1, 2, 3].map((index) => ({
    index,
    problem: null,
    statistics: { test: index === 2 ? 'missing' : 'ready' },
  })) as unknown as Checkpoint[];
  const at = { to: 3, before: 1, split: 'test' as const };
  expect(sinceCheckpoint('previous', at, points)).toBe(1);
  expect(sinceCheckpoint('previous', { ...at, to: 0 }, points)).toBeNull();
  expect(sinceCheckpoint('before', at, points)).toBe(1);
  expect(sinceCheckpoint('0', at, points)).toBe(0);
  expect(sinceCheckpoint('2', at, points)).toBeNull();
  expect(sinceCheckpoint('nonsense', at, points)).toBeNull();
});
