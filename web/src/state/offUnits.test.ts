import { expect, it } from 'vitest';
import { formatOff, isUnitOff, offWords, parseOff, switchableLayers, switchOf, toggleOff } from './offUnits';

const shape = (channels: number, side: number) => ({ channels, height: side, width: side });
const layer = (name: string, input: string | null, of: ReturnType<typeof shape>, weights: number[] | null) => ({
  name,
  inputs: input === null ? [] : [input],
  shape: of,
  weight_shape: weights,
});
const layers = [
  layer('data', null, shape(3, 32), null),
  layer('conv1', 'data', shape(32, 32), [32, 3, 5, 5]),
  layer('pool1', 'conv1', shape(32, 16), null),
  layer('norm1', 'pool1', shape(32, 16), [32]),
  layer('relu1', 'norm1', shape(32, 16), null),
  layer('fc64', 'relu1', shape(64, 1), [64, 8192]),
  layer('relu2', 'fc64', shape(64, 1), null),
  layer('fc10', 'relu2', shape(10, 1), [10, 64]),
  layer('probs', 'fc10', shape(10, 1), null),
];

it('reads and writes the form of the REST interface', () => {
  const units = parseOff('conv1:2,5-7;fc64:39');
  expect(units.map(({ layer, filter }) => `${layer} ${filter}`)).toEqual([
    'conv1 2',
    'conv1 5',
    'conv1 6',
    'conv1 7',
    'fc64 39',
  ]);
  expect(formatOff(units)).toBe('conv1:2,5,6,7;fc64:39');
  expect(parseOff('block:1:3')).toEqual([{ layer: 'block:1', filter: 3 }]);
  expect(parseOff('')).toEqual([]);
  expect(parseOff('fc64;:3;fc64:x;fc64:-1')).toEqual([]);
});

it('switches a unit off, and on again', () => {
  const one = toggleOff([], { layer: 'fc64', filter: 39 });
  const two = toggleOff(one, { layer: 'conv1', filter: 2 });
  expect(formatOff(two)).toBe('fc64:39;conv1:2');
  expect(isUnitOff(two, { layer: 'conv1', filter: 2 })).toBe(true);
  expect(formatOff(toggleOff(two, { layer: 'fc64', filter: 39 }))).toBe('conv1:2');
});

it('knows which layers have units that can be off', () => {
  expect(switchableLayers(layers, 10)).toEqual(['conv1', 'fc64']);
  expect(switchOf(layers, { layer: 'relu1', filter: 5 }, 10)).toEqual({ layer: 'conv1', filter: 5 });
  expect(switchOf(layers, { layer: 'fc64', filter: 5 }, 10)).toEqual({ layer: 'fc64', filter: 5 });
  for (const name of ['data', 'fc10', 'probs', 'nothing'])
    expect(switchOf(layers, { layer: name, filter: 1 }, 10)).toBeNull();
});

it('says what is off', () => {
  const words = (text: string) => offWords(parseOff(text), (name) => name.startsWith('fc'));
  expect(words('fc64:39')).toBe('unit 39 of fc64 is off');
  expect(words('conv1:2;fc64:39')).toBe('conv1 2, fc64 39 are off');
  expect(words('conv1:0-7')).toBe('8 units are off');
});
