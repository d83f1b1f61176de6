import { expect, it } from 'vitest';
import { arranged, isBestFirst, orderFor, type Found } from './pairOrder';

const pair = (a: number, correlation: number) => ({ a, b: a + 10, correlation, mutual: true });
const found = (checkpoint: number, pairs: ReturnType<typeof pair>[], alone: number[] = []): Found => ({
  checkpoint,
  pairs,
  unmatched: { a: alone.map((unit) => ({ unit, nearest: 7, correlation: 0.1 })), b: [] },
});

it('begins with the best agreement and keeps the places at other checkpoints', () => {
  const first = found(6, [pair(3, 0.9), pair(1, 0.8), pair(2, 0.5)], [4]);
  const order = orderFor(null, 'x', first);
  expect([order.filters, order.checkpoint]).toEqual([[3, 1, 2, 4], 6]);
  expect(isBestFirst(first, order)).toBe(true);
  const later = found(5, [pair(2, 0.9), pair(4, 0.7), pair(3, 0.6)], [1]);
  const kept = orderFor(order, 'x', later);
  expect(kept).toBe(order);
  expect(isBestFirst(later, kept)).toBe(false);
  expect(arranged(later, kept).map((one) => [one.a, one.pair?.correlation, one.alone?.correlation])).toEqual([
    [3, 0.6, undefined],
    [1, undefined, 0.1],
    [2, 0.9, undefined],
    [4, 0.7, undefined],
  ]);
});

it('is reset for other layers', () => {
  const order = orderFor(null, 'x', found(6, [pair(3, 0.9), pair(1, 0.8)]));
  expect(orderFor(order, 'y', found(2, [pair(1, 0.7)], [3])).filters).toEqual([1, 3]);
});
