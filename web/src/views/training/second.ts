// The curves of the second run in the charts of the first. Pure.
import type { Checkpoint, Layer, RunCurves, WeightHistory } from '../../api/types';
import { axisTop, type Curve } from './series';
import type { Along } from './data';
import type { LayerHealth } from './layerHistories.svelte';

export interface SecondCurves {
  loss: { x: number; y: number }[];
  error: { x: number; y: number }[];
  /** How far along the axis it reaches. */
  end: number;
}

/** A run has its own batches and epochs: its places come from what it says of itself. */
export function secondCurves(
  { test, train }: Pick<RunCurves, 'test' | 'train'>,
  points: readonly Pick<Checkpoint, 'step' | 'images_seen'>[],
  axis: Along,
): SecondCurves {
  const last = points.at(-1);
  const images = last && last.step > 0 ? last.images_seen / last.step : 0;
  // A run that was never tested has its training curve beside the other's test.
  const from = test.steps.length ? test : train;
  const places = from.steps.map((step, n) =>
    axis === 'epoch' ? from.epochs[n] : axis === 'images' ? step * images : step,
  );
  const curve = (values: readonly (number | null)[]) =>
    values.flatMap((y, n) => (y === null || !Number.isFinite(y) ? [] : [{ x: places[n], y }]));
  return { loss: curve(from.loss), error: curve(from.error), end: places.at(-1) ?? 0 };
}

/** A chart with the second run's curve in it. Its axis grows for a loss that goes beyond, but not for one that diverges. */
export function withSecond(curve: Curve, second: { x: number; y: number }[], grows: boolean): Curve {
  const max = second.reduce((high, { y }) => Math.max(high, y), 0);
  const isBeyond = grows && max > curve.high && max < 3 * curve.high;
  return { ...curve, high: isBeyond ? axisTop(max) : curve.high, data: { ...curve.data, second } };
}

/** A chart of B in the place of A's, on A's axis: B's curves as A's were, A's test curve where B's was. */
export const inPlaceOf = (a: Curve, b: Curve): Curve => ({
  ...a,
  data: {
    ...b.data,
    second: a.data.second.length ? a.data.main.map(({ x, y }) => ({ x, y })) : [],
    y_ticks: a.data.y_ticks,
  },
});

/** How far a checkpoint lies along the axis, by its own count of epochs and images. */
export const placeAlong = (point: Pick<Checkpoint, 'epoch' | 'images_seen' | 'step'>, axis: Along): number =>
  axis === 'epoch' ? point.epoch : axis === 'images' ? point.images_seen : point.step;

/** A line with its own places along the run, 0 to 1. */
export interface SecondLine {
  at: number[];
  values: (number | null)[];
}

/** The other run's lines of a layer; null what is not known of it. */
export interface LayerLines {
  size: SecondLine | null;
  moved: SecondLine | null;
  active: SecondLine | null;
  /** Share of the filters that are dead. */
  dead: SecondLine | null;
}

/** The layer of B opposite one of A. */
export interface SecondLayer extends LayerLines {
  name: string;
}

const lineOf = (
  checkpoints: readonly number[] | undefined,
  values: readonly (number | null)[] | undefined,
  place: (checkpoint: number) => number,
): SecondLine | null =>
  checkpoints?.length && values ? { at: checkpoints.map(place), values: [...values] } : null;

type Health = Pick<LayerHealth, 'checkpoints' | 'tallies'> | null;

/** How many of a layer's filters are active, and dead. */
export const healthLines = (
  health: Health,
  place: (checkpoint: number) => number,
): Pick<LayerLines, 'active' | 'dead'> => ({
  active: lineOf(
    health?.checkpoints,
    health?.tallies.map(({ active }) => active),
    place,
  ),
  dead: lineOf(
    health?.checkpoints,
    health?.tallies.map(({ dead, filters }) => dead / Math.max(1, filters)),
    place,
  ),
});

export function secondLayer(
  layer: Pick<Layer, 'name' | 'weight_shape'>,
  weights: WeightHistory | null,
  health: Health,
  place: (checkpoint: number) => number,
): SecondLayer {
  const array = weights?.arrays.find((one) => one.name === `${layer.name}.weight`);
  const root = Math.sqrt((layer.weight_shape ?? [1]).reduce((a, b) => a * b, 1));
  return {
    name: layer.name,
    size: lineOf(
      weights?.checkpoints,
      array?.norm.map((norm) => (norm === null ? null : norm / root)),
      place,
    ),
    moved: lineOf(
      weights?.checkpoints,
      array?.change.map((change) => (change !== null && change > 0 ? change : null)),
      place,
    ),
    ...healthLines(health, place),
  };
}

/** The greatest value of a line, 0 without one. */
export const highest = (line: SecondLine | null): number =>
  Math.max(0, ...(line?.values ?? []).map((value) => value ?? 0).filter(Number.isFinite));
