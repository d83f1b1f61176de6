// The curves of many runs in one chart: scales, paths, the curve nearest to the pointer. Pure.
import type { CurvePoints, RunCurves } from '../../api/types';
import { roundTicks } from '../../base/scales';

export type Quantity = 'loss' | 'error';
export type Along = 'epoch' | 'step';

export interface Box {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export interface Curve {
  run: string;
  x: number[];
  /** NaN where there is no value: the line breaks. */
  y: number[];
}

/** The test curve of a run; that of training where it was never tested. */
export function curveOf(curves: RunCurves, quantity: Quantity, along: Along): Curve {
  const has = ({ loss, error }: CurvePoints) => (quantity === 'loss' ? loss : error).some((v) => v !== null);
  const points = has(curves.test) ? curves.test : curves.train;
  return {
    run: curves.run,
    x: along === 'epoch' ? points.epochs : points.steps,
    y: points[quantity].map((value) => value ?? Number.NaN),
  };
}

export interface Scales {
  x: (value: number) => number;
  y: (value: number) => number;
  right: number;
  top: number;
}

/** The top of the axis. Values far above the median of the maxima are cut, so that a diverged run does not flatten the others. */
function topOf(curves: readonly Curve[]): number {
  const greatest = curves
    .map((curve) => Math.max(0, ...curve.y.filter(Number.isFinite)))
    .filter((value) => value > 0)
    .sort((a, b) => a - b);
  if (!greatest.length) return 1;
  const middle = greatest[Math.floor(greatest.length / 2)];
  return Math.min(greatest[greatest.length - 1], middle * 1.5);
}

export function scalesOf(curves: readonly Curve[], quantity: Quantity, box: Box): Scales {
  const right = Math.max(1e-9, ...curves.map((curve) => curve.x.at(-1) ?? 0));
  const top = quantity === 'error' ? Math.min(1, topOf(curves)) : topOf(curves);
  const [plotWidth, plotHeight] = [box.width - box.left - box.right, box.height - box.top - box.bottom];
  return {
    right,
    top,
    x: (value) => box.left + (plotWidth * value) / right,
    y: (value) => box.top + plotHeight * (1 - Math.min(1, Math.max(0, value / top))),
  };
}

export function pathOf({ x, y }: Curve, scales: Scales): string {
  let path = '';
  let isOpen = false;
  x.forEach((value, at) => {
    if (!Number.isFinite(y[at])) {
      isOpen = false;
      return;
    }
    path += `${isOpen ? 'L' : 'M'}${scales.x(value).toFixed(1)},${scales.y(y[at]).toFixed(1)}`;
    isOpen = true;
  });
  return path;
}

/** The value of a curve at an x between its points, interpolated; NaN outside of them. */
export function valueAt({ x, y }: Curve, at: number): number {
  if (!x.length || at < x[0] || at > x[x.length - 1]) return Number.NaN;
  let [low, high] = [0, x.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (x[middle] <= at) low = middle;
    else high = middle;
  }
  const plotWidth = x[high] - x[low];
  return plotWidth > 0 ? y[low] + ((y[high] - y[low]) * (at - x[low])) / plotWidth : y[low];
}

/** The run whose curve is nearest to a point of the chart, by height and within reach; null for none. */
export function nearestCurve(
  curves: readonly Curve[],
  scales: Scales,
  point: { x: number; y: number; reach: number },
): string | null {
  const from = scales.x(0);
  const at = ((point.x - from) / (scales.x(scales.right) - from)) * scales.right;
  let best: { run: string; away: number } | null = null;
  for (const curve of curves) {
    const away = Math.abs(scales.y(valueAt(curve, at)) - point.y);
    if (away <= point.reach && away < (best?.away ?? Infinity)) best = { run: curve.run, away };
  }
  return best?.run ?? null;
}

export const ticksOf = ({ top, right }: Scales): { x: number[]; y: number[] } => ({
  // Ticks within an epoch only where there are few epochs.
  x: roundTicks(right, 6, right >= 3 ? 1 : 0),
  y: roundTicks(top, 3),
});
