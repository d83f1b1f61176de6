// The test curves of the second run in the charts of the first. Pure.
import type { Checkpoint, RunCurves } from '../../api/types';
import { axisTop, type Curve } from './series';
import type { Along } from './data';

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
  const most = second.reduce((high, { y }) => Math.max(high, y), 0);
  const isBeyond = grows && most > curve.high && most < 3 * curve.high;
  return { ...curve, high: isBeyond ? axisTop(most) : curve.high, data: { ...curve.data, second } };
}
