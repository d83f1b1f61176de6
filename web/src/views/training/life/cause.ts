/** Why a unit died or came back: what moved its mean input from one checkpoint to the next. Pure. */
import type { Layer } from '../../../api/types';

/** Between a unit and its rectifier these leave it zero where it was zero, and above where it was above. */
const HARMLESS = new Set(['pool', 'dropout', 'identity']);
const WEIGHTED = new Set(['conv', 'full']);

type Known = Pick<Layer, 'name' | 'type' | 'inputs' | 'shape'> & { sheet_shape?: Layer['sheet_shape'] };

/** How the cause of a layer's units is computed, or why it is not. */
export type Method =
  | { kind: 'none'; why: string }
  /** The images do not change: what is not the bias is the weights. */
  | { kind: 'images' }
  /** Computed from the mean of each input channel: exact where a channel is one value. */
  | { kind: 'channels'; input: string; channels: number; isExact: boolean };

/** The first layer between a unit's layer and its rectifier that changes what the unit says; null for none. */
function between(layers: readonly Known[], layer: string, rectifier: string): Known | null {
  const named = new Map(layers.map((one) => [one.name, one]));
  for (let at = named.get(rectifier); at && at.name !== layer; at = named.get(at.inputs[0] ?? ''))
    if (at.name !== rectifier && !HARMLESS.has(at.type)) return at;
  return null;
}

export function methodOf(layers: readonly Known[], layer: string, rectifier: string): Method {
  const own = layers.find((one) => one.name === layer);
  const none = (why: string): Method => ({ kind: 'none', why });
  if (!own || !WEIGHTED.has(own.type)) return none(`${layer} is no convolution or fully connected layer`);
  const other = between(layers, layer, rectifier);
  if (other) return none(`${other.name} stands between ${layer} and its rectifier`);
  if (own.inputs.length !== 1) return none(`${layer} has several inputs`);
  const input = layers.find((one) => one.name === own.inputs[0]);
  if (!input) return none(`the input of ${layer} is not known`);
  if (input.type === 'data') return { kind: 'images' };
  if (own.sheet_shape && own.sheet_shape[1] !== input.shape.channels)
    return none(`the filters of ${layer} see a part of the channels of ${input.name}`);
  const isExact = input.shape.height * input.shape.width === 1;
  return { kind: 'channels', input: input.name, channels: input.shape.channels, isExact };
}

/** Sum of a filter's weights for each channel of its input. */
export function channelSums(values: ArrayLike<number>, channels: number): number[] {
  const each = values.length / channels;
  return Array.from({ length: channels }, (_, c) => {
    let sum = 0;
    for (let i = c * each; i < (c + 1) * each; i++) sum += values[i];
    return sum;
  });
}

export interface Parts {
  inputs: number;
  weights: number;
  bias: number;
}

/** One of the two checkpoints: weights summed by channel, mean of each input channel, bias. */
export interface Side {
  weights: readonly number[];
  inputs: readonly number[];
  bias: number;
}

/**
 * The change of weights . inputs + bias as three parts that add up to it: each change is taken at the mean of the other
 * factor before and after, so that none is left over.
 */
export function partsOf(before: Side, after: Side): Parts {
  let [inputs, weights] = [0, 0];
  for (let c = 0; c < before.weights.length; c++) {
    inputs += ((before.weights[c] + after.weights[c]) / 2) * (after.inputs[c] - before.inputs[c]);
    weights += (after.weights[c] - before.weights[c]) * ((before.inputs[c] + after.inputs[c]) / 2);
  }
  return { inputs, weights, bias: after.bias - before.bias };
}

/** What is known of a unit's input before its rectifier at one checkpoint. */
export interface Input {
  mean: number;
  max: number;
}

export interface Cause {
  before: Input;
  after: Input;
  /** Null: not computed, and `why`. */
  parts: Parts | null;
  why: string;
  isEstimated: boolean;
  /** What the estimate leaves of the measured change. */
  rest: number;
}

export function causeOf(before: Input, after: Input, parts: Parts | null, isEstimated: boolean): Cause {
  const sum = parts ? parts.inputs + parts.weights + parts.bias : 0;
  return { before, after, parts, why: '', isEstimated, rest: parts ? after.mean - before.mean - sum : 0 };
}

/** First layer: the images are the same, so that the weights are all that is left beside the bias. */
export const imageParts = (before: Input, after: Input, biasBefore: number, biasAfter: number): Parts => ({
  inputs: 0,
  weights: after.mean - before.mean - (biasAfter - biasBefore),
  bias: biasAfter - biasBefore,
});

/** Whether the mean input moved the way that the unit went: down to die, up to return. */
export const movedAlong = ({ before, after }: Cause, kind: 'death' | 'return'): boolean =>
  kind === 'death' ? after.mean < before.mean : after.mean > before.mean;

/**
 * The part that did most to kill the unit or to bring it back, by name. Empty where none was computed, where the mean
 * input moved the other way, or where the estimate leaves more than the part.
 */
export function chiefOf(cause: Cause | null | undefined, kind: 'death' | 'return'): '' | keyof Parts {
  if (!cause?.parts || !movedAlong(cause, kind)) return '';
  const { parts, rest, isEstimated } = cause;
  const along = (name: keyof Parts) => (kind === 'death' ? -parts[name] : parts[name]);
  const chief = (['inputs', 'weights', 'bias'] as const).reduce((a, b) => (along(b) > along(a) ? b : a));
  return along(chief) > (isEstimated ? Math.abs(rest) : 0) ? chief : '';
}
