import { describe, expect, it } from 'vitest';
import { contained, thumbSide } from './thumbSize';

describe('thumbSide', () => {
  it('is a whole multiple of a small image', () => {
    expect(thumbSide({ width: 32, height: 32 })).toBe(32);
    expect(thumbSide({ width: 16, height: 8 })).toBe(32);
    expect(thumbSide({ width: 28, height: 28 }, 64)).toBe(56);
    expect(thumbSide({ width: 64, height: 64 })).toBe(64);
  });
  it('reduces large images', () => {
    expect(thumbSide({ width: 224, height: 224 })).toBe(48);
    expect(thumbSide({ width: 96, height: 48 }, 96)).toBe(96);
  });
});

describe('contained', () => {
  it('keeps the proportions', () => {
    const box = { x: 10, y: 20, width: 48, height: 48 };
    expect(contained({ width: 32, height: 32 }, box)).toEqual(box);
    expect(contained({ width: 96, height: 48 }, box)).toEqual({ x: 10, y: 32, width: 48, height: 24 });
    expect(contained({ width: 48, height: 96 }, box)).toEqual({ x: 22, y: 20, width: 24, height: 48 });
  });
});
