import { describe, expect, it } from 'vitest';
import {
  formatCount,
  decimal,
  fixed,
  percent,
  plural,
  relative,
  signed,
  signedCount,
  significant,
} from './format';

describe('format', () => {
  it('uses a true minus and never a negative zero', () => {
    expect(fixed(-1.5, 2)).toBe('−1.50');
    expect(fixed(-0.001, 2)).toBe('0.00');
    expect(fixed(Number.NaN, 2)).toBe('–');
  });
  it('keeps what is very large or small short', () => {
    expect(fixed(1e22, 3)).toBe('1.0e22');
    expect(fixed(-123456.7, 1)).toBe('−1.2e5');
    expect(fixed(99999.4, 1)).toBe('99999.4');
    expect(signed(1e22, 3)).toBe('+1.0e22');
    expect(signed(-1e22, 3)).toBe('−1.0e22');
    expect(percent(1e22)).toBe('1.0e24 %');
    expect(decimal(0.00004, 3)).toBe('4.0e−5');
    expect(decimal(-0.00004, 3)).toBe('−4.0e−5');
    expect(decimal(0, 3)).toBe('0.000');
    expect(decimal(2.5, 3)).toBe('2.500');
    for (const value of [Number.NaN, Infinity, -Infinity])
      for (const print of [fixed, decimal, signed]) expect(print(value, 2)).toBe('–');
    for (const value of [1e5, 1e22, 5e-324, Number.MAX_VALUE, 12345.678])
      for (const print of [fixed, decimal, signed]) expect(print(-value, 3).length).toBeLessThan(11);
  });
  it('writes a change of several times the initial value as a factor', () => {
    expect(relative(0.0423)).toBe('4.2 %');
    expect(relative(0.234)).toBe('23 %');
    expect(relative(9.99)).toBe('999 %');
    expect(relative(57.13)).toBe('57 ×');
    expect(relative(1e22)).toBe('1.0e22 ×');
    expect(relative(Infinity)).toBe('–');
  });
  it('signs changes', () => {
    expect(signed(45, 0)).toBe('+45');
    expect(signed(-25, 2)).toBe('−25.00');
    expect(signed(0.0001, 2)).toBe('±0.00');
    expect(signedCount(450000)).toBe('+450,000');
    expect(signedCount(-12)).toBe('−12');
  });
  it('writes counts, shares and words', () => {
    expect(formatCount(500000)).toBe('500,000');
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
