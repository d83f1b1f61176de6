import { expect, it } from 'vitest';
import {
  countVerdicts,
  CUT,
  cutFrom,
  MAX_SHOWN,
  openItem,
  precision,
  reviewTable,
  threeCurves,
  wilson,
} from './review';

it('has Wilson’s interval', () => {
  // scipy.stats.binomtest(hits, n).proportion_ci(method='wilson')
  for (const [hits, n, low, high] of [
    [0, 17, 0, 0.184_318],
    [14, 23, 0.407_855, 0.778_424],
    [23, 23, 0.856_883, 1],
    [1, 2, 0.094_529, 0.905_471],
  ]) {
    const [from, to] = wilson(hits, n);
    expect(from).toBeCloseTo(low, 4);
    expect(to).toBeCloseTo(high, 4);
  }
  expect(wilson(0, 0)).toEqual([0, 1]);
});

it('counts the verdicts on the list, and claims no precision before the first', () => {
  const items = [{ id: 5 }, { id: 6 }, { id: 7 }, { id: 8 }];
  const none = countVerdicts(items, new Map([[99, 'wrong']]));
  expect(none).toEqual({ wrong: 0, right: 0, unclear: 0 });
  expect(precision(none)).toBeNull();
  expect(precision({ wrong: 0, right: 0, unclear: 3 })).toBeNull();
  const counts = countVerdicts(
    items,
    new Map([
      [5, 'wrong'],
      [6, 'right'],
      [8, 'unclear'],
    ]),
  );
  expect(counts).toEqual({ wrong: 1, right: 1, unclear: 1 });
  expect(precision(counts)?.share).toBe(0.5);
});

it('opens the selected image, else the first without a verdict', () => {
  const items = [{ id: 5 }, { id: 6 }, { id: 7 }];
  expect(openItem(items, 7, () => false)).toBe(2);
  expect(openItem(items, 99, (id) => id === 5)).toBe(1);
  expect(openItem(items, null, () => true)).toBe(0);
  expect(openItem([], 7, () => false)).toBe(0);
});

it('reads the cut of the address', () => {
  expect([cutFrom(''), cutFrom('x'), cutFrom('80'), cutFrom('0'), cutFrom('99999')]).toEqual([
    CUT,
    CUT,
    80,
    1,
    MAX_SHOWN,
  ]);
});

it('follows label, suggestion and the greatest of the others', () => {
  const rows = [
    [0.1, 0.2, 0.3, 0.4],
    [0.7, 0.1, 0.15, 0.05],
  ];
  expect(threeCurves(rows, 0, 3)).toEqual({ label: [0.1, 0.7], suggestion: [0.4, 0.05], rest: [0.3, 0.15] });
});

it('has a table with place, path and verdict', () => {
  const item = {
    id: 7,
    path: 'test/cat/7.png',
    label: 0,
    predicted: 1,
    score: 0.5,
    doubt: 0.6,
    agreement: 1,
    confusion: 0.1,
    reason: '',
  };
  const table = reviewTable([item], new Map([[7, 'wrong']]), ['cat', 'dog']);
  expect(table.rows).toEqual([[1, 7, 'test/cat/7.png', 'cat', 'dog', 0.5, 'wrong', 0.6, 1, 0.1]]);
  expect(table.rows[0]).toHaveLength(table.head.length);
});
