import { expect, it } from 'vitest';
import { exampleStatsTable, sortFrom, labelIssuesTable, reasonWords } from './examples';

it('reads the order from the address', () => {
  expect([sortFrom('flips'), sortFrom('nonsense')]).toEqual(['flips', 'forgotten']);
});

it('makes tables with names in place of numbers', () => {
  const suspect = {
    path: 'test/cat/7.png',
    id: 7,
    label: 1,
    predicted: 0,
    score: 0.9,
    doubt: 0.95,
    agreement: 1,
    confusion: 0.01,
    reason: 'because',
  };
  const table = labelIssuesTable([suspect], 50, ['cat', 'dog']);
  expect(table.name).toBe('Possible label errors 51 to 51');
  expect(table.rows[0].slice(0, 4)).toEqual(['#7', 'test/cat/7.png', 'dog', 'cat']);
  expect(reasonWords(suspect, ['cat', 'dog'])).toBe(
    'predicted cat at 100 % of later checkpoints; 1.0 % of dog are',
  );
  const item = {
    id: 8,
    true_class: 0,
    predicted: 1,
    learned: null,
    forgotten: 3,
    flips: 6,
    right: 4,
    final_margin: -0.1,
    mean_margin: 0,
    late_margin: 0,
    agreement: 1,
  };
  expect(exampleStatsTable([item], 0, 'learned', ['cat', 'dog']).rows[0].slice(0, 5)).toEqual([
    '#8',
    'cat',
    'dog',
    null,
    3,
  ]);
});
