import { expect, it } from 'vitest';
import type { LayerHistory } from '../../api/types';
import { historyCurves } from './historyCurves';

const history = {
  filters: {
    norm: [
      [9, 0.5],
      [9, 0.8],
    ],
    bias: [
      [9, 0],
      [9, -0.1],
    ],
  },
} as unknown as Pick<LayerHistory, 'filters'>;
const none = { norm: [], bias: [], active: [] };
const of = { filter: 1, active: [0.4, NaN], second: none, height: 200 };

it('draws norm, active fraction and bias below each other', () => {
  const curves = historyCurves(history, of);
  expect(curves.map(({ name }) => name.split(',')[0])).toEqual([
    'norm of the weights',
    'active fraction',
    'bias',
  ]);
  expect(curves.map(({ low, high }) => [low, high])).toEqual([
    [0, 0.8],
    [0, 1],
    [-0.1, 0.1],
  ]);
  expect(curves.every(({ top, bottom }, n) => bottom > top && top > (curves[n - 1]?.bottom ?? 0))).toBe(true);
});

it('has room for the filter of B on the same axes', () => {
  const second = { norm: [NaN, 1.5], bias: [0.2, NaN], active: [0.1, 0.2] };
  const curves = historyCurves(history, { ...of, second });
  expect(curves.map(({ low, high }) => [low, high])).toEqual([
    [0, 1.5],
    [0, 1],
    [-0.2, 0.2],
  ]);
  expect(curves.map((curve) => curve.second)).toEqual([second.norm, second.active, second.bias]);
});

it('leaves the bias out where there is no room, and curves without values', () => {
  expect(historyCurves(history, { ...of, height: 120 })).toHaveLength(2);
  expect(historyCurves(history, { ...of, height: 120, active: [NaN] })).toHaveLength(2);
});
