import { expect, it } from 'vitest';
import { distanceWords, rememberingLayers, sizeWords, someOf, usualLayer } from './layers';

const flat = { channels: 10, height: 1, width: 1 };
const maps = { channels: 32, height: 8, width: 8 };
const layer = (
  name: string,
  type: string,
  inputs: string[],
  shape = maps,
  weights: number[] | null = null,
  rectifier: string | null = null,
) => ({
  name,
  type,
  inputs,
  shape,
  weight_shape: weights,
  rectifier,
});
const LAYERS = [
  layer('data', 'data', []),
  layer('conv1', 'conv', ['data'], maps, [32, 3, 5, 5], 'relu1'),
  layer('pool1', 'pool', ['conv1']),
  layer('relu1', 'relu', ['pool1']),
  layer('conv2', 'conv', ['relu1'], maps, [32, 32, 5, 5]),
  layer('fc64', 'fc', ['conv2'], { ...flat, channels: 64 }, [64, 512], 'relu4'),
  layer('relu4', 'relu', ['fc64'], { ...flat, channels: 64 }),
  layer('fc10', 'fc', ['relu4'], flat, [10, 64]),
] as Parameters<typeof rememberingLayers>[0];

it('layers with weights, where their outputs leave them, without that of the classes', () => {
  const names = rememberingLayers(LAYERS, 10);
  expect(names).toEqual(['relu1', 'conv2', 'relu4']);
  expect(usualLayer(names, LAYERS)).toBe('conv2');
  expect(usualLayer(['relu4'], LAYERS)).toBe('relu4');
  expect(usualLayer([], LAYERS)).toBe('');
});

it('of many layers some, from the first to the last', () => {
  const all = Array.from({ length: 20 }, (_, n) => n);
  expect(someOf(all, 5)).toEqual([0, 5, 10, 14, 19]);
  expect(someOf(all, 1)).toEqual([19]);
  expect(someOf([1, 2], 5)).toEqual([1, 2]);
});

it('words', () => {
  expect(sizeWords(maps)).toBe('32 maps of 8 × 8');
  expect(sizeWords(flat)).toBe('10 values');
  expect([0, 0.0002, 0.1234, null].map(distanceWords)).toEqual(['0.0 %', '< 0.1 %', '12.3 %', 'no number']);
});
