import { describe, expect, it } from 'vitest';
import { checkWords, differenceWords, sourceName } from './source';

const source = { kind: 'pytorch', version: '2.15.0', model: 'ResNet', optimiser: null };
const check = { step: 0, images: 8, difference: 2e-6, agrees: true, problem: null };

describe('the source of a run', () => {
  it('is named as people call it', () => {
    expect(sourceName({ source })).toBe('PyTorch 2.15.0, ResNet');
    expect(sourceName({ source: { ...source, kind: 'jax' } })).toBe('jax 2.15.0, ResNet');
    expect(sourceName({ source: null })).toBe('');
  });

  it('says how far outputs lie apart', () => {
    expect(checkWords({ source, check })).toBe("outputs as PyTorch's, within 2.0e−6 of the largest");
    expect(checkWords({ source, check: null })).toBe('');
    const failed = { ...check, difference: null, agrees: null, problem: 'the images are not there' };
    expect(checkWords({ source, check: failed })).toContain('not compared');
    expect(checkWords({ source, check: failed })).toContain('the images are not there');
    expect(differenceWords({ source, check })).toBe('');
    expect(differenceWords({ source, check: failed })).toBe('');
  });

  it('warns where they are others', () => {
    const other = { ...check, difference: 0.123, agrees: false };
    expect(differenceWords({ source, check: other })).toContain("differ from PyTorch's by 12.3 %");
    const broken = { ...check, difference: null, agrees: false };
    expect(differenceWords({ source, check: broken })).toContain('not finite');
  });
});
