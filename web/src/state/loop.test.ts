import { describe, expect, it } from 'vitest';
import { formatLoop, parseLoop, playBounds, rangeOf } from './loop';

describe('the loop', () => {
  it('survives the way through the address', () => {
    for (const loop of ['off', 'all', [3, 9]] as const)
      expect(parseLoop(formatLoop(loop as never))).toEqual(loop);
    expect(parseLoop('9-3')).toEqual([3, 9]);
    expect(parseLoop('nonsense')).toBe('off');
  });
  it('of one checkpoint is none', () => expect(rangeOf(4, 4)).toBe('off'));
  it('never leaves the run', () => {
    expect(playBounds('all', 50)).toEqual([0, 50]);
    expect(playBounds([10, 400], 50)).toEqual([10, 50]);
    expect(playBounds([60, 90], 50)).toEqual([49, 50]);
  });
});
