import { describe, expect, it } from 'vitest';
import type { StoryCurves } from '../../../api/types';
import { imageSide, layoutCurves, layoutUnits, SMALL, separateLabels } from './picture';

const curves = (more: Partial<StoryCurves> = {}): StoryCurves => ({
  image: null,
  checkpoints: [0, 1, 2, 3],
  lines: [
    { label: 'ship', rank: 'main', values: [0, 0.5, null, 1] },
    { label: 'airplane', rank: 'part', values: [1, 1, 1, 1] },
  ],
  range: [0, 1],
  unit: 'share',
  means: [{ from: 1, to: 3, value: 0.5 }],
  events: [{ epoch: 2.5, label: 'rate ÷ 10' }],
  ...more,
});
const epochs = [0, 1, 2, 4];

describe('curves', () => {
  it('lie in their frame, with gaps where nothing was measured', () => {
    const drawn = layoutCurves(curves(), epochs, SMALL);
    const { width, height } = drawn.plot;
    expect(width).toBeLessThan(SMALL.width);
    expect(height + SMALL.text + 4).toBeLessThanOrEqual(SMALL.height);
    expect(drawn.lines[0].d).toBe(
      `M0.0,${height.toFixed(1)}L${(width / 4).toFixed(1)},${(height / 2).toFixed(1)}M${width.toFixed(1)},0.0`,
    );
    expect(drawn.means).toEqual([`M${(width / 4).toFixed(1)},${(height / 2).toFixed(1)}H${width.toFixed(1)}`]);
    expect([drawn.x(2), drawn.x(0)]).toEqual([width / 2, 0]);
    expect([drawn.top, drawn.bottom, drawn.from, drawn.to]).toEqual(['100 %', '', 'epoch 0', '4']);
    expect(drawn.events[0]).toMatchObject({ anchor: 'end', label: 'rate ÷ 10' });
  });
  it('name their parts only where there is room', () => {
    expect(layoutCurves(curves(), epochs, SMALL).labels.map((one) => one.text)).toEqual(['ship']);
    const large = layoutCurves(curves(), epochs, { width: 900, height: 500, text: 20, weight: 2 });
    expect(large.labels.map((one) => one.text)).toEqual(['ship', 'airplane']);
  });
  it('are cut at the axis, and know no checkpoint outside of it', () => {
    const drawn = layoutCurves(
      curves({
        range: [0.2, 0.4],
        checkpoints: [1, 2],
        lines: [{ label: 'a', rank: 'main', values: [9, -9] }],
      }),
      epochs,
      SMALL,
    );
    expect(drawn.lines[0].d).toBe(`M0.0,0.0L${drawn.plot.width.toFixed(1)},${drawn.plot.height.toFixed(1)}`);
    expect([drawn.x(0), drawn.x(3), drawn.bottom]).toEqual([null, null, '20 %']);
  });
});

it('labels are moved apart, and stay between top and bottom', () => {
  const at = (y: number) => ({ text: String(y), y, rank: 'main' as const });
  const placed = separateLabels([at(98), at(97), at(96), at(5)], 10, [12, 100]);
  expect(placed.map((one) => one.y)).toEqual([12, 80, 90, 100]);
});

it('units have columns of whole pixels that fit', () => {
  const drawn = layoutUnits(5, 51, SMALL);
  expect(drawn.left + drawn.column * 51).toBeLessThanOrEqual(SMALL.width);
  expect(drawn.bottom + SMALL.text).toBeLessThanOrEqual(SMALL.height);
  expect(layoutUnits(1, 5, { width: 900, height: 500, text: 20, weight: 2 }).pitch).toBe(60);
});

it('images keep whole scales', () => {
  expect(imageSide(SMALL, 32)).toBe(64);
  expect(imageSide({ width: 1200, height: 500, text: 20, weight: 2 }, 32) % 32).toBe(0);
  expect(imageSide(SMALL, 224)).toBe(224);
});
