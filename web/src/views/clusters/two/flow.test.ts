import { expect, test } from 'vitest';
import {
  adjustedRand,
  cellsOf,
  chosenFrom,
  flowTables,
  layoutOf,
  likestOf,
  likestWords,
  orderOf,
  partnersOf,
  partsOf,
  withBFirst,
  type ClusterFlow,
} from './flow';

function flowOf(a: number[][], b: number[][]): ClusterFlow {
  const named = (members: number[][]) =>
    members.map((ids, index) => ({ index, name: `c${index}`, size: ids.length, mix: [ids.length] }));
  return { a: named(a), b: named(b), cells: cellsOf(a, b), images: a.flat().length };
}
const A = [
  [0, 1, 2, 3],
  [4, 5, 6],
  [7, 8, 9],
];
const B = [
  [7, 8, 9, 6],
  [0, 1, 2],
  [3, 4, 5],
];
const FLOW = flowOf(A, B);

test('cells hold the images of both clusters', () => {
  expect(FLOW.cells).toEqual([
    { a: 0, b: 1, ids: [0, 1, 2] },
    { a: 0, b: 2, ids: [3] },
    { a: 1, b: 2, ids: [4, 5] },
    { a: 1, b: 0, ids: [6] },
    { a: 2, b: 0, ids: [7, 8, 9] },
  ]);
  expect(partsOf(FLOW, { side: 'b', index: 0 })).toEqual([
    { to: 2, ids: [7, 8, 9] },
    { to: 1, ids: [6] },
  ]);
  expect(flowTables(FLOW)[0].rows[0]).toEqual([0, 'c0', 1, 'c1', 3, 0.75, 1]);
});

// sklearn.metrics.adjusted_rand_score([0,0,0,0,1,1,1,2,2,2], [1,1,1,2,2,2,0,0,0,0]): pairs in both 7, of 12 and 12, expected 3.2.
test('the adjusted Rand index', () => {
  expect(adjustedRand(FLOW)).toBeCloseTo((7 - 3.2) / (12 - 3.2), 12);
  expect(adjustedRand(flowOf(A, [A[2], A[0], A[1]]))).toBe(1);
  expect(adjustedRand(flowOf([[0, 1]], [[0, 1]]))).toBeNull();
});

test('clusters of B are placed beside those with which they share most images', () => {
  expect(orderOf(FLOW)).toEqual({ a: [0, 1, 2], b: [1, 2, 0] });
});

test('the likest cluster of B shares most of the images in either, its partner is no other’s', () => {
  expect(likestOf(FLOW)).toEqual([
    { index: 1, images: 3, share: 3 / 4 },
    { index: 2, images: 2, share: 2 / 4 },
    { index: 0, images: 3, share: 3 / 4 },
  ]);
  expect(partnersOf(FLOW)).toEqual([1, 2, 0]);
  // Two of A are most like the same one of B: the one that is more so has it, the other has what is left, or none.
  const joined = flowOf([[0, 1, 2], [3, 4], [5]], [[0, 1, 2, 3, 4], [5]]);
  expect(likestOf(joined).map((one) => one?.index)).toEqual([0, 0, 1]);
  expect(partnersOf(joined)).toEqual([0, null, 1]);
  expect(
    partnersOf(
      flowOf(
        [
          [0, 1, 2],
          [3, 4],
        ],
        [[0, 1, 2, 3, 4], [5]],
      ),
    ),
  ).toEqual([0, 1]);
  expect(likestOf(flowOf([[0]], [[1]]))).toEqual([null]);
  expect(likestWords({ index: 2, images: 1, share: 0.25 })).toBe(
    'Most like 02 of B: 1 image in both, 25 % of those in either',
  );
});

test('B is shown in place of A', () => {
  const turned = withBFirst(FLOW);
  expect([turned.a, turned.b]).toEqual([FLOW.b, FLOW.a]);
  expect(turned.cells[1]).toEqual({ a: 2, b: 0, ids: [3] });
  expect(withBFirst(turned)).toEqual(FLOW);
  expect(adjustedRand(turned)).toBe(adjustedRand(FLOW));
});

test('bars and ribbons fill the height and lie inside of their clusters', () => {
  const { a, b, ribbons } = layoutOf(FLOW, 106);
  expect(a.at(-1)!.y + a.at(-1)!.height).toBeCloseTo(106);
  expect(ribbons).toHaveLength(5);
  for (const ribbon of ribbons) {
    const [from, to] = [a.find((bar) => bar.index === ribbon.a)!, b.find((bar) => bar.index === ribbon.b)!];
    expect(ribbon.y0).toBeGreaterThanOrEqual(from.y - 1e-9);
    expect(ribbon.y0 + ribbon.height).toBeLessThanOrEqual(from.y + from.height + 1e-9);
    expect(ribbon.y1 + ribbon.height).toBeLessThanOrEqual(to.y + to.height + 1e-9);
  }
});

test('the chosen cluster in the address', () => {
  expect(chosenFrom('b-2', FLOW)).toEqual({ side: 'b', index: 2 });
  expect(chosenFrom('b-7', FLOW)).toBeNull();
  expect(chosenFrom('3', FLOW)).toBeNull();
});
