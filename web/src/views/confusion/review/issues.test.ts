import { expect, it } from 'vitest';
import { issuesOfCell, narrowingCell } from './issues';

it('a list is narrowed by a cell in which label and prediction differ', () => {
  expect(narrowingCell('3-5', 10)).toEqual({ truth: 3, predicted: 5 });
  expect(narrowingCell('3-3', 10)).toBeNull();
  expect(narrowingCell('3-10', 10)).toBeNull();
  expect(narrowingCell('', 10)).toBeNull();
});

it('the issues of a cell have its label and its prediction', () => {
  const items = [
    { id: 1, label: 3, predicted: 5 },
    { id: 2, label: 5, predicted: 3 },
    { id: 3, label: 3, predicted: 4 },
    { id: 4, label: 3, predicted: 5 },
  ];
  expect(issuesOfCell(items, { truth: 3, predicted: 5 }).map((one) => one.id)).toEqual([1, 4]);
});
