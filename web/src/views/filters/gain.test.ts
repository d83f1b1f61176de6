import { describe, expect, it } from 'vitest';
import { gainOf, gainWords } from './gain';

describe('the gain of a sheet', () => {
  it('is the range of the run against that of the checkpoint', () => {
    expect(gainOf(0.00025, 0.11)).toBeCloseTo(440, 6);
    expect(gainOf(0.11, 0.11)).toBe(1);
  });
  it('is not known without either range, or where one is not finite', () => {
    expect([gainOf(null, 1), gainOf(0, 1), gainOf(1, undefined), gainOf(1, Infinity)]).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });
  it('is shown from the size at which it is visible', () => {
    expect(gainWords(gainOf(0.00025, 0.11))).toBe('× 440 amplified');
    expect(gainWords(gainOf(0.05, 0.11))).toBe('× 2.2 amplified');
    expect(gainWords(gainOf(0.1, 0.11))).toBe('');
    expect(gainWords(null)).toBe('');
  });
});
