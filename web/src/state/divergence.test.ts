import { describe, expect, it } from 'vitest';
import { aboveZeroWords, bestTested, divergedAt, divergedWords, scaleWords, testErrorText } from './divergence';

const point = (test_error: number | null, rest = {}) => ({
  test_error,
  not_finite: false,
  diverged: false,
  ...rest,
});

describe('a run that diverged', () => {
  it('has its best error before it did', () => {
    const points = [point(0.9), point(0.5), point(0.7), point(0, { diverged: true })];
    expect(bestTested(points)).toBe(points[1]);
    expect(bestTested([point(0, { not_finite: true }), point(null)])).toBeNull();
    expect(bestTested([point(0.4), point(0.4)])?.test_error).toBe(0.4);
    expect(bestTested([])).toBeNull();
  });

  it('is never said to have an error where nothing is finite', () => {
    expect(testErrorText(point(null, { not_finite: true }), 2)).toBe('not finite');
    expect(testErrorText(point(0, { not_finite: true }), 2)).toBe('not finite');
    expect(testErrorText(point(null), 2)).toBe('not measured');
    expect(testErrorText(point(null), 2, '–')).toBe('–');
    expect(testErrorText(undefined, 2, '–')).toBe('–');
    expect(testErrorText(point(0.2603), 2)).toBe('26.03 %');
  });

  it('has no numbers where its maps and values are none', () => {
    expect(scaleWords([0, 0], true)).toBe('nothing is finite but 0');
    expect(scaleWords([0, 0], false)).toBe('scale ± 0');
    expect(scaleWords([-0.25, 0.25], true)).toBe('scale ± 0.25');
    expect(scaleWords([0, 24.13], false)).toBe('scale 0 to 24');
    expect(scaleWords([-1, 2], false)).toBe('scale −1.0 to 2.0');
    expect(aboveZeroWords([1, -1, 0])).toBe('1 of 3 above zero');
    expect(aboveZeroWords(new Float32Array([1, NaN, Infinity]))).toBe('1 of 3 above zero, 2 not finite');
    expect(aboveZeroWords(new Float32Array(4096).fill(1))).toBe('4,096 of 4,096 above zero');
    expect(aboveZeroWords([NaN, -Infinity])).toBe('not finite');
  });

  it('says where and why', () => {
    const divergence = { step: 1200, epoch: 3, what: 'loss', found: 'the loss is NaN', rate: 1e30 };
    expect(divergedAt(divergence)).toBe('diverged at step 1,200');
    expect(divergedWords(divergence)).toContain('at step 1,200, epoch 3.00: the loss is NaN. ');
    expect(divergedWords(divergence)).toContain('The learning rate was 1e30;');
  });
});
