/** Computations of the timeline. Pure. */
import type { Checkpoint, Metrics, Run } from '../../api/types';
import { formatCount } from '../../base/format';
import { roundTicks } from '../../base/scales';

/** Per column of pixels: the least, mean and greatest loss of the steps in it. */
export interface LossBin {
  step: number;
  min: number;
  mean: number;
  max: number;
}

/** Training losses gathered into at most `bins` equal parts of the axis; parts without a step are left out. */
export function lossBins(
  metrics: Pick<Metrics['train'], 'step' | 'loss'>,
  lastStep: number,
  bins: number,
): LossBin[] {
  const out: LossBin[] = [];
  if (lastStep <= 0 || bins < 1) return out;
  let at = -1;
  let many = 0;
  for (let i = 0; i < metrics.step.length; i += 1) {
    const loss = metrics.loss[i];
    if (!Number.isFinite(loss)) continue;
    const bin = Math.min(bins - 1, Math.floor((metrics.step[i] / lastStep) * bins));
    if (bin !== at) {
      at = bin;
      many = 0;
      out.push({ step: ((bin + 0.5) * lastStep) / bins, min: loss, mean: 0, max: loss });
    }
    const last = out[out.length - 1];
    many += 1;
    last.min = Math.min(last.min, loss);
    last.max = Math.max(last.max, loss);
    last.mean += (loss - last.mean) / many;
  }
  return out;
}

/** The mean of each bin with up to `reach` neighbours on either side. */
export function smoothed(bins: readonly LossBin[], reach: number): number[] {
  return bins.map((_, i) => {
    const part = bins.slice(Math.max(0, i - reach), i + reach + 1);
    return part.reduce((sum, bin) => sum + bin.mean, 0) / part.length;
  });
}

/** The top of the loss axis: a little over the untrained loss, so that one outlier cannot flatten the curve. */
export function lossTop(bins: readonly LossBin[], classes: number): number {
  const untrained = Math.log(Math.max(2, classes)) * 1.05;
  const seen = bins.length ? Math.max(...bins.map((bin) => bin.mean)) : 0;
  return Math.max(untrained, Math.min(seen, untrained * 2));
}

/** Stretches of checkpoints with a test error: the curve breaks at gaps and never bridges them. */
export function errorSegments(points: readonly Checkpoint[]): Checkpoint[][] {
  const runs: Checkpoint[][] = [];
  let open: Checkpoint[] = [];
  for (const point of points) {
    if (point.problem || point.not_finite || point.test_error === null) {
      if ((point.problem || point.not_finite) && open.length) {
        runs.push(open);
        open = [];
      }
      continue;
    }
    open.push(point);
  }
  if (open.length) runs.push(open);
  return runs;
}

/** Steps at which the learning rate changed, with words: "rate ÷ 10", "rate × 2". */
export function rateChanges(stages: Run['stages']): { step: number; label: string }[] {
  return stages.slice(1).map((stage, i) => {
    const [before, after] = [stages[i].rate, stage.rate];
    const label =
      before > 0 && after > 0
        ? after < before
          ? `rate ÷ ${short(before / after)}`
          : `rate × ${short(after / before)}`
        : `rate ${short(after)}`;
    return { step: stage.first_step, label };
  });
}

const short = (value: number): string => String(Number(value.toPrecision(2)));

/** The unit of the axis. All three are linear in the steps, so that only the labels change. */
export type AxisUnit = 'step' | 'epoch' | 'images';

/** Round values of the unit along the axis, each at its step. */
export function axisTicks(
  run: Pick<Run, 'steps_per_epoch' | 'batch' | 'checkpoints'>,
  end: number,
  unit: AxisUnit,
  max: number,
): { step: number; label: string }[] {
  const last = run.checkpoints.at(-1);
  // Read off the last checkpoint: the last batch of an epoch may be short.
  const perStep =
    unit === 'step'
      ? 1
      : unit === 'epoch'
        ? last && last.step > 0
          ? last.epoch / last.step
          : 1 / Math.max(1, run.steps_per_epoch ?? 1)
        : last && last.step > 0
          ? last.images_seen / last.step
          : (run.batch ?? 1);
  const total = end * perStep;
  if (!(total > 0)) return [{ step: 0, label: '0' }];
  const wide = Math.max(2, unit === 'epoch' ? max : Math.floor(max / 1.8));
  const min = unit !== 'epoch' || total >= 2 ? 1 : 0;
  return roundTicks(total, wide, min).map((value) => ({
    step: value / perStep,
    label: unit === 'epoch' ? String(value) : formatCount(value),
  }));
}

/** Readable checkpoints without statistics in a run that has some: they are pointed out, and only then. */
export function withoutStatistics(points: readonly Pick<Checkpoint, 'problem' | 'statistics'>[]): number[] {
  const ready = (point: (typeof points)[number]) => Object.values(point.statistics).includes('ready');
  if (!points.some(ready)) return [];
  return points.flatMap((point, i) => (point.problem || ready(point) ? [] : [i]));
}

/** Note about a checkpoint's statistics where they are not ready. */
export function statisticsNote(
  point: Pick<Checkpoint, 'statistics' | 'diverged' | 'not_finite'>,
  live: boolean,
  isBroken = false,
): string | null {
  const states = Object.values(point.statistics);
  if (isBroken) return 'cannot be read';
  if ((point.diverged || point.not_finite) && !states.includes('ready')) return 'none: it has diverged';
  if (states.includes('failed')) return 'could not be computed';
  if (states.includes('stale')) return 'of an older snapshot, to be computed anew';
  if (states.includes('ready')) return null;
  return live ? 'being computed' : 'not computed';
}

/** The names of flags as far as there is room: up to the next flag, cut with an ellipsis, or not at all. */
export function flags(placed: readonly { at: number; name: string }[], right: number): string[] {
  const LETTER = 6;
  return placed.map(({ at, name }, i) => {
    const room = Math.floor(((placed[i + 1]?.at ?? right) - at - 16) / LETTER);
    if (!name || name.length <= room) return name;
    return room >= 4 ? `${name.slice(0, room - 1).trimEnd()}…` : '';
  });
}

/**
 * The side of its mark that a label is on: right, or left where it would leave the axis or the playhead
 * would cross it.
 */
export function labelSide(
  label: { at: number; width: number },
  playhead: number,
  axis: readonly [number, number],
): 'left' | 'right' {
  const { at, width } = label;
  if (at + width > axis[1]) return 'left';
  if (at - width < axis[0]) return 'right';
  return playhead > at && playhead < at + width ? 'left' : 'right';
}

/** True for the first checkpoint of an epoch: its tick is longer. */
export function startsEpoch(points: readonly Checkpoint[], index: number): boolean {
  return index === 0 || Math.floor(points[index].epoch + 1e-6) > Math.floor(points[index - 1].epoch + 1e-6);
}

/** The end of the axis in steps: the plan's end, so that a live run shows what is still to come. */
export function axisEnd(run: Pick<Run, 'total_steps' | 'live' | 'checkpoints' | 'divergence'>): number {
  const reached = Math.max(run.checkpoints.at(-1)?.step ?? 0, run.divergence?.step ?? 0);
  return Math.max(1, run.live ? Math.max(run.total_steps, reached) : reached);
}

/** Two labels beside the ends of two lines, kept a line height apart, in the order of the lines. */
export function apart(first: number, second: number, min: number, low: number, high: number): [number, number] {
  let [a, b] = [first, second];
  const between = Math.abs(a - b);
  if (between < min) {
    const push = (min - between) / 2;
    if (a <= b) [a, b] = [a - push, b + push];
    else [a, b] = [a + push, b - push];
  }
  const under = Math.max(0, Math.max(a, b) - high);
  [a, b] = [a - under, b - under];
  const over = Math.max(0, low - Math.min(a, b));
  return [a + over, b + over];
}

/** The training loss at a checkpoint as the server gives it; NaN where it is not known. */
export function trainLoss(point: Checkpoint): number {
  return point.train_loss ?? Number.NaN;
}
