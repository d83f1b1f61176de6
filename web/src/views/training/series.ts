// Converts metrics to the data sets, scales and ticks of the big charts. Pure.
import type { Checkpoint, Metrics } from '../../api/types';
import { fixed, percent, scientific } from '../../base/format';
import { roundStep } from '../../base/scales';
import { along, bands, knownOf, powersAround, rateStages, smooth, type Along, type Clock } from './data';

export interface Curve {
  data: {
    /** Least and greatest of each bin of steps. */
    band: { x: number; low: number; high: number }[];
    /** Training, smoothed. */
    soft: { x: number; y: number }[];
    /** Test, or the learning rate. */
    main: { x: number; y: number; stepped: boolean }[];
    /** Measured points of `main`; none where they would touch. */
    dots: { x: number; y: number }[];
    /** The test curve of the second run, where there is one. */
    second: { x: number; y: number }[];
    y_ticks: { y: number; label: string }[];
  };
  low: number;
  high: number;
}

const MAX_BINS = 400;
/** More dots than this are a thick line, and each is an element of the page. */
const MAX_DOTS = 150;

/** The mean of training, smoothed over about two percent of the run. */
const smoothed = (means: number[]) => smooth(means, Math.round(means.length / 100));

/** The next round number at or above a value, for the end of an axis. */
export function axisTop(value: number): number {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((s) => s * power >= value * (1 - 1e-9)) ?? 10;
  return Number((step * power).toPrecision(2));
}

function linearTicks(high: number, print: (value: number) => string) {
  const step = roundStep(high, 5);
  return Array.from({ length: Math.floor(high / step + 1e-9) + 1 }, (_, n) => ({
    y: n * step,
    label: print(n * step),
  }));
}

/** Round values of a logarithmic axis: three a decade, or powers of ten where there are too many of these. */
function lossTicks(low: number, high: number): number[] {
  const [first, last] = [low, high].map((v) => Math.floor(Math.log10(v)));
  const decades = last - first + 1;
  const steps = decades <= 4 ? [1, 2, 5] : [1];
  const every = Math.max(1, Math.ceil(decades / 8));
  return Array.from({ length: Math.ceil(decades / every) }, (_, n) => first + n * every)
    .flatMap((power) => steps.map((step) => Number(`${step}e${power}`)))
    .filter((v) => v >= low && v <= high);
}

/** Curve of sparse measurements: a line, with a dot at each measurement while they do not touch. */
function measured(
  at: readonly number[],
  values: readonly (number | null)[],
): Pick<Curve['data'], 'main' | 'dots' | 'second'> {
  const points = values.flatMap((y, n) => (y === null || !Number.isFinite(y) ? [] : [{ x: at[n], y }]));
  return {
    main: points.map((point) => ({ ...point, stepped: false })),
    dots: points.length > MAX_DOTS ? [] : points,
    second: [],
  };
}

const positions = (steps: number[], axis: Along, clock: Clock) => steps.map((step) => along(step, axis, clock));

/** The measurements; where training measured no test images, those of the statistics are used instead. */
export function withTested(
  metrics: Metrics,
  points: readonly Pick<Checkpoint, 'step' | 'epoch' | 'test_loss' | 'test_error'>[],
): Metrics {
  if (metrics.test.step.length) return metrics;
  const known = points.filter((one) => one.test_loss !== null || one.test_error !== null);
  const test: Metrics['test'] = {
    step: known.map((one) => one.step),
    epoch: known.map((one) => one.epoch),
    loss: known.map((one) => one.test_loss),
    error: known.map((one) => one.test_error),
    not_finite: known.map(() => 0),
  };
  return { ...metrics, test };
}

/** Loss of training as band and mean, of the test split as dots. A log axis begins below the smallest mean. */
export function lossCurve(metrics: Metrics, axis: Along, clock: Clock, log: boolean): Curve {
  const bins = bands(metrics.train.step, metrics.train.loss, MAX_BINS);
  const at = positions(
    bins.map((bin) => bin.step),
    axis,
    clock,
  );
  const means = smoothed(bins.map((bin) => bin.mean));
  const tested = positions(metrics.test.step, axis, clock);
  const known = metrics.test.loss.filter((v): v is number => v !== null);
  const values = [...bins.map((bin) => bin.mean), ...known].filter((v) => Number.isFinite(v));
  const high = axisTop(Math.max(0, ...values));
  const smallest = Math.min(...values.filter((v) => v > 0));
  const low = log
    ? Math.max(
        Math.min(high / 1e4, 0.01),
        Math.min(high / 2, Number.isFinite(smallest) ? smallest * 0.8 : high / 10),
      )
    : 0;
  const digits = high < 1 ? 2 : 1;
  const logTicks = lossTicks(low, high).map((y) => ({ y, label: y < 1e5 ? String(y) : scientific(y) }));
  return {
    data: {
      band: bins.map((bin, n) => ({ x: at[n], low: Math.max(low, bin.low), high: bin.high })),
      soft: means.map((y, n) => ({ x: at[n], y })),
      ...measured(tested, metrics.test.loss),
      y_ticks: log ? logTicks : linearTicks(high, (v) => fixed(v, digits).replace('.0e', 'e')),
    },
    low,
    high,
  };
}

/** Error of training as a mean, of the test split as dots; the axis is always 0 to 100 %. */
export function errorCurve(metrics: Metrics, axis: Along, clock: Clock): Curve {
  const known = knownOf(metrics.train.step, metrics.train.error);
  const bins = bands(known.steps, known.values, MAX_BINS);
  const at = positions(
    bins.map((bin) => bin.step),
    axis,
    clock,
  );
  const means = smoothed(bins.map((bin) => bin.mean));
  const tested = positions(metrics.test.step, axis, clock);
  return {
    data: {
      band: [],
      soft: means.map((y, n) => ({ x: at[n], y })),
      ...measured(tested, metrics.test.error),
      y_ticks: [0, 0.25, 0.5, 0.75, 1].map((y) => ({ y, label: y === 1 ? percent(1, 0) : String(y * 100) })),
    },
    low: 0,
    high: 1,
  };
}

const SUPERSCRIPT = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
export function powerLabel(power: number): string {
  const digits = [...String(Math.abs(power))].map((d) => SUPERSCRIPT[Number(d)]).join('');
  return `10${power < 0 ? '⁻' : ''}${digits}`;
}

/** The learning rate as steps on a logarithmic axis of whole powers of ten. */
export function rateCurve(metrics: Metrics, axis: Along, clock: Clock, planned: readonly number[] = []): Curve {
  const { steps: step, values: rate } = knownOf(metrics.train.step, metrics.train.rate);
  const stages = rateStages(step, rate).filter((stage) => stage.rate > 0);
  const { low, high } = powersAround([...stages.map((stage) => stage.rate), ...planned], 1e-9);
  const last = step[step.length - 1] ?? 0;
  const main = stages.map((stage) => ({
    x: along(stage.step, axis, clock),
    y: stage.rate,
    stepped: true,
  }));
  if (main.length) main.push({ ...main[main.length - 1], x: along(last, axis, clock) });
  const first = Math.round(Math.log10(low));
  const count = Math.round(Math.log10(high)) - first;
  return {
    data: {
      band: [],
      soft: [],
      main,
      dots: [],
      second: [],
      y_ticks: Array.from({ length: count + 1 }, (_, n) => ({
        y: 10 ** (first + n),
        label: powerLabel(first + n),
      })),
    },
    low: low / 1.25,
    high: high * 1.25,
  };
}

/** The checkpoint nearest to a place along the run. */
export function checkpointAt(checkpoints: readonly Checkpoint[], x: number, axis: Along, clock: Clock): number {
  let best = 0;
  let min = Infinity;
  for (const { index, step } of checkpoints) {
    const away = Math.abs(along(step, axis, clock) - x);
    if (away < min) {
      min = away;
      best = index;
    }
  }
  return best;
}
