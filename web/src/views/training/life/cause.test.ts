import { describe, expect, it } from 'vitest';
import { causeOf, channelSums, chiefOf, imageParts, methodOf, movedAlong, partsOf } from './cause';

const layer = (name: string, type: string, inputs: string[], channels = 4, side = 1) => ({
  name,
  type,
  inputs,
  shape: { channels, height: side, width: side },
});

describe('how the cause is computed', () => {
  const layers = [
    layer('data', 'data', [], 3, 8),
    layer('conv1', 'conv', ['data'], 4, 8),
    layer('pool1', 'pool', ['conv1'], 4, 4),
    layer('relu1', 'relu', ['pool1'], 4, 4),
    {
      ...layer('conv2', 'conv', ['relu1'], 6, 4),
      sheet_shape: [6, 4, 3, 3] as [number, number, number, number],
    },
    layer('norm2', 'batch_norm', ['conv2'], 6, 4),
    layer('relu2', 'relu', ['norm2'], 6, 4),
    layer('fc', 'full', ['relu1']),
    layer('relu3', 'relu', ['fc']),
    layer('fc2', 'full', ['relu3']),
    layer('relu4', 'relu', ['fc2']),
    layer('sum', 'conv', ['fc', 'fc2']),
  ];
  it('is exact on one value a channel, and estimated on maps', () => {
    expect(methodOf(layers, 'conv1', 'relu1')).toEqual({ kind: 'images' });
    expect(methodOf(layers, 'fc', 'relu3')).toMatchObject({ kind: 'channels', isExact: false });
    expect(methodOf(layers, 'fc2', 'relu4')).toMatchObject({ kind: 'channels', input: 'relu3', isExact: true });
  });
  it('is not given where another layer lies between', () => {
    expect(methodOf(layers, 'conv2', 'relu2')).toEqual({
      kind: 'none',
      why: 'norm2 stands between conv2 and its rectifier',
    });
    expect(methodOf(layers, 'sum', 'sum').kind).toBe('none');
    expect(methodOf(layers, 'relu1', 'relu1').kind).toBe('none');
    const grouped = layers.map((one) =>
      one.name === 'fc2' ? { ...one, sheet_shape: [4, 2, 1, 1] as [number, number, number, number] } : one,
    );
    expect(methodOf(grouped, 'fc2', 'relu4').kind).toBe('none');
  });
});

describe('the three parts', () => {
  const before = { weights: [1, -2], inputs: [0.5, 1], bias: 0.1 };
  const after = { weights: [1.5, -1], inputs: [0.25, 2], bias: -0.1 };
  const mean = (side: typeof before) =>
    side.weights[0] * side.inputs[0] + side.weights[1] * side.inputs[1] + side.bias;

  it('add up to the change of the mean input', () => {
    const parts = partsOf(before, after);
    expect(parts.inputs + parts.weights + parts.bias).toBeCloseTo(mean(after) - mean(before));
    expect(parts.bias).toBeCloseTo(-0.2);
    expect(partsOf(before, { ...before, bias: 1 })).toEqual({ inputs: 0, weights: 0, bias: 0.9 });
  });
  it('name the largest, but not where the estimate leaves more', () => {
    const at = (value: number) => ({ mean: value, max: value });
    const parts = { inputs: -3, weights: 1, bias: 0.5 };
    expect(chiefOf(causeOf(at(0), at(-1.5), parts, true), 'death')).toBe('inputs');
    expect(chiefOf(causeOf(at(0), at(-9), parts, true), 'death')).toBe('');
    expect(causeOf(at(0), at(-9), parts, true).rest).toBeCloseTo(-7.5);
    expect(chiefOf(causeOf(at(0), at(0), null, false), 'death')).toBe('');
    expect(chiefOf(null, 'return')).toBe('');
    const none = { inputs: 0, weights: 0, bias: 0 };
    expect(chiefOf(causeOf(at(0), at(-1), none, false), 'death')).toBe('');
  });
  it('name none where the mean input moved the other way', () => {
    const at = (value: number) => ({ mean: value, max: value });
    const parts = { inputs: -3, weights: 1, bias: 0.5 };
    const fell = causeOf(at(0), at(-1.5), parts, false);
    expect(movedAlong(fell, 'return')).toBe(false);
    expect(chiefOf(fell, 'return')).toBe('');
    const rose = causeOf(at(0), at(0.5), { ...parts, inputs: -1 }, false);
    expect(chiefOf(rose, 'return')).toBe('weights');
  });
  it('of the first layer are the weights and the bias', () => {
    const at = (value: number) => ({ mean: value, max: value });
    expect(imageParts(at(1), at(-1), 0.5, 0.25)).toEqual({ inputs: 0, weights: -1.75, bias: -0.25 });
  });
  it('sum a filter’s weights by channel', () => {
    expect(channelSums([1, 2, 3, 4, 5, 6], 2)).toEqual([6, 15]);
  });
});
