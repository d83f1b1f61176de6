import { describe, expect, it } from 'vitest';
import {
  apart,
  byLayer,
  connectedOf,
  largestOf,
  nearestCurve,
  partsOf,
  placeOf,
  thickness,
  unitStep,
} from './connections';
import { cornerOf, drawingIn, lineOf, sizeIn } from './drawing';
import { titleOf, wordsOf } from './names';
import { connectionTables } from './tables';

const unit = (filter: number, weights: (number | null)[], layer = 'conv1') => ({
  layer,
  filter,
  colour: null,
  kernel_channel: filter,
  weights,
});
const history = {
  layer: 'relu2',
  filter: 7,
  unit: { layer: 'conv2', filter: 7 },
  checkpoints: [0, 2, 4],
  left_out: [1],
  input_count: 32,
  inputs: [unit(3, [0.1, null, -0.4]), unit(5, [0.2, 0.2, 0.2])],
  output_count: 10,
  outputs: [unit(1, [0.5, 0.5, 0.5], 'fc10')],
};
type Shape = [number, number, number, number];
const shape = (channels: number, side: number) => ({ channels, height: side, width: side });
const known = {
  layers: [
    { name: 'data', shape: shape(3, 32), inputs: [], sheet_shape: null },
    { name: 'conv1', shape: shape(32, 32), inputs: ['data'], sheet_shape: [1, 1, 1, 1] as Shape },
    { name: 'conv2', shape: shape(32, 16), inputs: ['conv1'], sheet_shape: [1, 1, 1, 1] as Shape },
    { name: 'fc', shape: shape(64, 1), inputs: ['conv2'], sheet_shape: [1, 1, 1, 1] as Shape },
    { name: 'sum', shape: shape(32, 16), inputs: ['conv1', 'conv2'], sheet_shape: null },
    { name: 'fc10', shape: shape(2, 1), inputs: ['fc'], sheet_shape: [1, 1, 1, 1] as Shape },
  ],
  classes: ['cat', 'dog'],
};

describe('units that a unit is connected with', () => {
  const inputs = connectedOf(history, 'inputs');

  it('keep their weights, gaps included', () => {
    expect(inputs.map(({ key, filter }) => [key, filter])).toEqual([
      ['inputs/0', 3],
      ['inputs/1', 5],
    ]);
    expect(inputs[0].weights).toEqual([0.1, NaN, -0.4]);
    expect(largestOf(inputs)).toBe(0.4);
    expect(largestOf([])).toBe(0);
  });

  it('are shown at the checkpoint, or at the last one before it that was read', () => {
    expect([0, 1, 2, 3, 4, 9].map((at) => placeOf(history.checkpoints, at))).toEqual([0, 0, 1, 1, 2, 2]);
    expect(placeOf([3, 5], 1)).toBe(0);
  });

  it('come a layer at a time', () => {
    expect(
      byLayer([
        { layer: 'b', filter: 4 },
        { layer: 'a', filter: 9 },
        { layer: 'b', filter: 1 },
      ]),
    ).toEqual([
      { layer: 'b', filters: [1, 4] },
      { layer: 'a', filters: [9] },
    ]);
  });

  it('have lines by the size of the weight', () => {
    expect(thickness(-0.2, 0.4, 12)).toBe(6);
    expect(thickness(0, 0.4, 12)).toBe(0.5);
    expect(thickness(NaN, 0.4, 12)).toBe(0);
    expect(thickness(0.1, 0, 12)).toBe(0);
  });

  it('are reached by arrows, over the middle', () => {
    const counts = { inputs: 2, outputs: 3 };
    const walk = (from: string, ...keys: string[]) =>
      keys.reduce((at, key) => unitStep(at, key, counts) ?? 'no', from);
    expect(walk('unit', 'ArrowLeft', 'ArrowDown', 'ArrowDown')).toBe('inputs/1');
    expect(walk('inputs/1', 'ArrowRight', 'ArrowRight')).toBe('outputs/1');
    expect(walk('outputs/1', 'End')).toBe('outputs/2');
    expect(unitStep('unit', 'ArrowLeft', { inputs: 0, outputs: 1 })).toBe('unit');
    expect(unitStep('inputs/0', 'x', counts)).toBeNull();
  });

  it('have names that keep apart', () => {
    expect(apart([50, 52, 54], 16, 100)).toEqual([50, 66, 82]);
    expect(apart([98, 99, 10], 16, 100)).toEqual([84, 100, 10]);
  });

  it('are the nearest curve within reach', () => {
    const to = (y: number) => ({ y, scale: (weight: number) => 100 * weight, reach: 5 });
    expect(nearestCurve(inputs, 0, to(18))).toBe('inputs/1');
    expect(nearestCurve(inputs, 0, to(60))).toBeNull();
    expect(nearestCurve(inputs, 1, to(10))).toBeNull();
  });

  it('have no curve through zero where a sign turns and the size stays', () => {
    expect(partsOf([0.3, 0.3, -0.3, NaN, -0.3], 0.4)).toEqual([
      { from: 0, to: 2 },
      { from: 2, to: 3 },
      { from: 4, to: 5 },
    ]);
    expect(partsOf([0.04, 0.01, -0.02], 0.4)).toEqual([{ from: 0, to: 3 }]);
  });
});

describe('the drawing', () => {
  it('fits into any room, its parts beside each other', () => {
    for (const [width, height] of [
      [358, 336],
      [613, 372],
      [900, 620],
      [1400, 960],
    ]) {
      const drawing = drawingIn({ width, height }, 1);
      expect(drawing.width).toBeLessThanOrEqual(width);
      expect(6 * drawing.pitch).toBeLessThanOrEqual(height);
      const right = cornerOf(drawing, 'inputs', 0, 6).x + drawing.side;
      expect(right).toBeLessThan((drawing.width - drawing.middle) / 2);
      expect(cornerOf(drawing, 'outputs', 5, 6).y + drawing.side).toBeLessThanOrEqual(height);
      expect(lineOf(drawing, { side: 'outputs', n: 0, count: 1 }, { unit: 30, middle: 60 })).not.toContain(
        'NaN',
      );
    }
  });
});

describe('pictures', () => {
  it('have whole scales where they are small enough', () => {
    expect(sizeIn(54, { width: 15, height: 10 })).toEqual({ width: 45, height: 30 });
    expect(sizeIn(54, { width: 108, height: 54 })).toEqual({ width: 54, height: 27 });
  });
});

describe('names of units', () => {
  it('say what a unit is', () => {
    const of = (layer: string, filter: number, colour: string | null = null) =>
      wordsOf({ layer, filter, colour }, known);
    expect(of('conv1', 3).long).toBe('filter 3 of conv1');
    expect(of('sum', 3).long).toBe('map 3 of sum');
    expect(titleOf(of('fc', 3))).toBe('Unit 3 of fc');
    expect(of('fc10', 1)).toMatchObject({ short: 'dog', classIndex: 1 });
    expect(titleOf(of('fc10', 1))).toBe('dog (unit 1 of fc10)');
    expect(of('data', 0, 'red')).toMatchObject({ short: 'red', isImage: true });
    expect(of('data', 0).short).toBe('channel 0');
  });

  it('head the tables', () => {
    const [now, all] = connectionTables(history, { checkpoint: 4, before: 2 }, known);
    expect(now.rows[0]).toEqual(['filter 3 of conv1', 'listens to', -0.4, null]);
    expect(now.rows[2]).toEqual(['dog (unit 1 of fc10)', 'speaks to', 0.5, 0.5]);
    expect(all.head).toEqual(['checkpoint', 'listens to conv1 3', 'listens to conv1 5', 'speaks to dog']);
    expect(all.rows).toHaveLength(3);
  });
});
