import { describe, expect, it } from 'vitest';
import type { PredictionChange } from '../../../api/types';
import { bandName, flowBands, flowLayout, flowTable, largest, ribbonPath, ribbonsOf, stayedOf } from './flow';

const move = (true_class: number, from: number, to: number, count: number): PredictionChange => ({
  true_class,
  from,
  to,
  count,
  images: [],
});
const moves = [move(0, 1, 0, 30), move(1, 1, 0, 10), move(2, 1, 0, 4), move(3, 1, 0, 6), move(0, 0, 2, 8)];
const order = [0, 1, 2, 3];
const bands = flowBands(moves, order);
const ribbons = ribbonsOf(moves, bands);

describe('ribbons', () => {
  it('gather the moves between two classes by kind', () => {
    expect(ribbons.map((one) => [one.key, one.count])).toEqual([
      ['0-2-lost', 8],
      ['1-0-gained', 30],
      ['1-0-lost', 10],
      ['1-0-wrong', 10],
    ]);
  });
  it('fold the classes with the fewest moves into one band', () => {
    const folded = flowBands(moves, [3, 2, 1, 0], 3);
    expect(folded.groups).toEqual([[1], [0], [3, 2]]);
    expect(bandName(folded, 2, ['a', 'b', 'c', 'd'])).toBe('2 others');
    expect(ribbonsOf(moves, folded).map((one) => one.key)).toContain('0-x-lost');
  });
  it('are drawn largest first, in their order', () => {
    const { drawn, rest } = largest(ribbons, 2);
    expect(drawn.map((one) => one.key)).toEqual(['1-0-gained', '1-0-lost']);
    expect(rest.map((one) => one.count)).toEqual([8, 10]);
  });
  it('are drawn with the one that is chosen, however small', () => {
    const { drawn, rest } = largest(ribbons, 2, '0-2-lost');
    expect(drawn.map((one) => one.key)).toEqual(['0-2-lost', '1-0-gained', '1-0-lost']);
    expect(rest.map((one) => one.key)).toEqual(['1-0-wrong']);
  });
  it('leave those that stayed', () => {
    // True classes in rows: 60 images are predicted as 0 then, 8 of them leave.
    const counts = [60, 40, 0, 0, 0, 15, 0, 0, 0, 5, 5, 0, 0, 6, 0, 7];
    expect(stayedOf(counts, ribbons, bands, null)).toEqual([52, 16, 5, 7]);
    const own = ribbonsOf(
      moves.filter((one) => one.true_class === 0),
      bands,
    );
    expect(stayedOf(counts, own, bands, 0)).toEqual([52, 10, 0, 0]);
  });
  it('make a table', () => {
    const table = flowTable({ from: 3, to: 9 }, ribbons, (band) => bandName(bands, band, ['a', 'b', 'c', 'd']));
    expect(table.rows[0]).toEqual(['a', 'c', 'lost', 8]);
  });
});

describe('the layout', () => {
  const available = { height: 200, gap: 6, min: 14 };
  const { left, right, ribbons: drawn } = flowLayout(ribbons, null, 4, available);
  it('fills the height of one side and no more', () => {
    const bottoms = [left, right].map((bars) => Math.max(...bars.map((bar) => bar.y + bar.height)));
    expect(Math.max(...bottoms)).toBeLessThanOrEqual(200);
    expect(Math.max(...bottoms)).toBeGreaterThan(170);
    expect(left.map((bar) => bar.count)).toEqual([8, 50, 0, 0]);
    expect(right.map((bar) => bar.count)).toEqual([50, 0, 8, 0]);
  });
  it('keeps ribbons within their bands, without overlap', () => {
    for (const [bars, side, end] of [
      [left, 'from', 'y0'],
      [right, 'to', 'y1'],
    ] as const) {
      bars.forEach((bar, band) => {
        let y = bar.y;
        for (const one of drawn.filter((ribbon) => ribbon[side] === band)) {
          expect(one[end]).toBeCloseTo(y, 6);
          y += one.thickness;
        }
        expect(y).toBeCloseTo(bar.y + bar.height, 6);
      });
    }
  });
  it('gives every name its room', () => {
    const middle = right.map((bar) => bar.y + bar.height / 2);
    for (let n = 1; n < middle.length; n++) expect(middle[n] - middle[n - 1]).toBeGreaterThanOrEqual(14);
  });
  it('shows those that stayed between their own moves', () => {
    const { stayed } = flowLayout(ribbons, [52, 16, 5, 7], 4, available);
    expect(stayed.map((one) => one.count)).toEqual([52, 16, 5, 7]);
    expect(stayed[0].thickness / stayed[1].thickness).toBeCloseTo(52 / 16, 6);
  });
  it('bundles the rest in the middle, and the bands keep their height', () => {
    const { drawn: few, rest } = largest(ribbons, 2);
    const bundled = flowLayout(few, null, 4, available, rest);
    expect(bundled.left).toEqual(left);
    expect(bundled.right).toEqual(right);
    const { count, into, out } = bundled.bundle!;
    expect(count).toBe(18);
    const sum = (parts: { thickness: number }[]) => parts.reduce((all, one) => all + one.thickness, 0);
    expect(sum(into)).toBeCloseTo(sum(out), 6);
    // The halves meet in one band around the middle, without a gap.
    for (const [parts, inner] of [
      [into, 'y1'],
      [out, 'y0'],
    ] as const) {
      let y = 100 - sum(parts) / 2;
      for (const part of parts) {
        expect(part[inner]).toBeCloseTo(y, 6);
        y += part.thickness;
      }
    }
    expect(flowLayout(ribbons, null, 4, available).bundle).toBeNull();
  });
  it('draws', () => {
    expect(ribbonPath({ y0: 0, y1: 10, thickness: 4 }, 100, 200)).toBe(
      'M100 0C150 0 150 10 200 10V14C150 14 150 4 100 4Z',
    );
  });
  it('draws nothing where nothing moved', () => {
    const empty = flowLayout([], null, 3, available);
    expect(empty.left.every((bar) => bar.height === 0 && Number.isFinite(bar.y))).toBe(true);
  });
});
