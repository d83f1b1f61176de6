import { describe, expect, it } from 'vitest';
import { count, fixed, percent, plural, signed, signedCount, significant } from './format';

describe('format', () => {
  it('uses a true minus and never a negative zero', () => {
    expect(fixed(-1.5, 2)).toBe('−1.50');
    expect(fixed(-0.001, 2)).toBe('0.00');
    expect(fixed(Number.NaN, 2)).toBe('–');
  });
  it('signs changes', () => {
    expect(signed(45, 0)).toBe('+45');
    expect(signed(-25, 2)).toBe('−25.00');
    expect(signed(0.0001, 2)).toBe('±0.00');
    expect(signedCount(450000)).toBe('+450,000');
    expect(signedCount(-12)).toBe('−12');
  });
  it('writes counts, shares and words', () => {
    expect(count(500000)).toBe('500,000');
    expect(percent(0.2603, 2)).toBe('26.03 %');
    expect(percent(Number.NaN)).toBe('–');
    expect(plural(1, 'image')).toBe('1 image');
    expect(plural(1200, 'class', 'classes')).toBe('1,200 classes');
  });
  it('keeps significant digits', () => {
    expect(significant(0.1134)).toBe('0.11');
    expect(significant(89.43, 3)).toBe('89.4');
    expect(significant(1234)).toBe('1234');
    expect(significant(0)).toBe('0');
    expect(significant(-3.2e-7)).toBe('−3.2e−7');
  });
});
