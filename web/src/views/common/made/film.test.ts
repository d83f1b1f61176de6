import { expect, it } from 'vitest';
import { filmParts, nearestOf, partAt, partSize } from './film';

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

it('every checkpoint is shown by exactly one part', () => {
  for (const [count, size, lead] of [
    [51, 8, 6],
    [3, 8, 6],
    [9, 4, 2],
    [5, 1, 0],
  ]) {
    const usable = range(0, count).map((one) => one * 2);
    const parts = filmParts(usable, { size, lead });
    expect(parts.flatMap((part) => part.checkpoints.slice(part.lead))).toEqual(usable);
    for (const part of parts) {
      // In order, none twice: each picture is initialised with that of the checkpoint before it in the part.
      expect(part.checkpoints).toEqual([...new Set(part.checkpoints)].sort((a, b) => a - b));
      expect(part.lead).toBeLessThanOrEqual(lead);
    }
    parts.forEach((part, n) =>
      part.checkpoints
        .slice(part.lead)
        .forEach((checkpoint) => expect(partAt(usable, checkpoint, { size, lead })).toBe(n)),
    );
  }
});

it('the checkpoints that lead to a later part are spread from the first one on', () => {
  const parts = filmParts(range(0, 51), { size: 8, lead: 6 });
  expect(parts[0]).toEqual({ checkpoints: range(0, 8), lead: 0 });
  expect(parts[1].checkpoints).toEqual([0, 1, 2, 4, 5, 6, ...range(8, 16)]);
  expect(parts[6].checkpoints).toEqual([0, 8, 16, 24, 32, 40, 48, 49, 50]);
});

it('a checkpoint that cannot be computed has the part of the one before', () => {
  expect(partAt([0, 1, 5, 6], 3, { size: 2, lead: 0 })).toBe(0);
  expect(partAt([4, 5], 0, { size: 1, lead: 0 })).toBe(0);
  expect(partAt([], 0, { size: 1, lead: 0 })).toBe(-1);
});

it('the nearest, the earlier of two', () => {
  const there = [7, 1, 5].map((checkpoint) => ({ checkpoint }));
  expect(nearestOf(there, 6)?.checkpoint).toBe(5);
  expect(nearestOf(there, 90)?.checkpoint).toBe(7);
  expect(nearestOf([], 3)).toBeNull();
});

it('large networks compute fewer at a time', () => {
  const of = (side: number) => partSize([{ shape: { channels: 64, height: side, width: side } }]);
  expect([of(32), of(128), of(512)].map(({ size }) => size)).toEqual([8, 4, 1]);
});
