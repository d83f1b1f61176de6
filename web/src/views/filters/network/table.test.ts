import { expect, it } from 'vitest';
import { channelBorders, countWords, joinWords } from './joins';
import { networkTable } from './table';
import { tipRows } from './tipRows';

const layer = (name: string, type: string, channels: number, ...inputs: string[]) => ({
  name,
  type,
  shape: { channels, height: 4, width: 4 },
  parameters: 10,
  inputs,
});
const layers = [
  layer('data', 'data', 3),
  layer('conv', 'conv', 8, 'data'),
  layer('both', 'concat', 11, 'conv', 'data'),
];

it('the table names the inputs and outputs of every layer', () => {
  const { head, rows } = networkTable(layers);
  expect(head).toHaveLength(7);
  expect(rows).toEqual([
    ['data', 'data', '3 × 4²', 10, '', '', 'conv, both'],
    ['conv', 'conv', '8 × 4²', 10, 'data', '3', 'both'],
    ['both', 'concat', '11 × 4²', 10, 'conv, data', '8 + 3', ''],
  ]);
});

it('a join says what it joins', () => {
  expect(joinWords('concat', [64, 32])).toBe('64 + 32');
  expect(joinWords('concat', [64, 32, 32, 32])).toBe('4 inputs');
  expect(joinWords('add', [64, 64])).toBe('2 inputs');
  expect(countWords({ add: 2, concat: 0, multiply: 1 })).toBe('2 add, 1 multiply');
  const known = { layers: new Map(layers.map((one) => [one.name, one])), inside: null };
  expect(tipRows(layers[2], known)).toEqual([
    ['', 'concat'],
    ['input', 'conv, 8 × 4²'],
    ['input', 'data, 3 × 4²'],
    ['output', '11 × 4²'],
    ['', '10 parameters'],
  ]);
});

it('counts the inputs that it does not list', () => {
  const many = Array.from({ length: 9 }, (_, i) => layer(`c${i}`, 'conv', 8));
  const join = layer('all', 'concat', 72, ...many.map(({ name }) => name));
  const known = new Map([...many, join].map((one) => [one.name, one]));
  const rows = tipRows(join, { layers: known, inside: null });
  expect(rows.filter(([head]) => head === 'input')).toHaveLength(6);
  expect(rows).toContain('and 3 more inputs');
});

it('draws each input of a concatenation as its part of the channels', () => {
  expect(channelBorders([64, 32, 32])).toEqual([0.5, 0.75]);
  expect(channelBorders(Array<number>(40).fill(1))).toHaveLength(8);
  expect(channelBorders([8])).toEqual([]);
});
