import { describe, expect, it } from 'vitest';
import { brushed, nudged } from './cover';

const size = { width: 8, height: 8 };
const pixels = (runs: ReturnType<typeof brushed>) =>
  runs.flatMap(({ x, y, width }) => Array.from({ length: width }, (_, n) => [x + n, y]));

describe('brushed', () => {
  it('covers the pixels whose centres lie under it', () => {
    const brush = { x: 0.4, y: 0.6, radius: 0.3 };
    const found = pixels(brushed(brush, size));
    const expected = [];
    for (let y = 0; y < 8; y += 1)
      for (let x = 0; x < 8; x += 1) if (Math.hypot(x + 0.5 - 3.2, y + 0.5 - 4.8) <= 2.4) expected.push([x, y]);
    expect(found).toEqual(expected);
  });

  it('stays inside the image', () => {
    for (const [x, y] of pixels(brushed({ x: 0, y: 1, radius: 0.3 }, size))) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(y).toBeLessThan(8);
    }
    expect(brushed({ x: 3, y: 3, radius: 0.1 }, size)).toEqual([]);
  });

  it('covers one pixel where it is smaller than that', () => {
    expect(brushed({ x: 0.5, y: 0.5, radius: 0.02 }, size)).toEqual([{ x: 4, y: 4, width: 1 }]);
  });
});

describe('nudged', () => {
  it('moves by its radius, within the image', () => {
    const brush = { x: 0.5, y: 0.95, radius: 0.1 };
    expect(nudged(brush, 'ArrowLeft')).toEqual({ x: 0.4 });
    expect(nudged(brush, 'ArrowDown')).toEqual({ y: 1 });
    expect(nudged(brush, '+')?.radius).toBeCloseTo(0.12);
    expect(nudged({ ...brush, radius: 0.02 }, '-')?.radius).toBeCloseTo(0.02);
    expect(nudged(brush, 'q')).toBeNull();
  });
});
