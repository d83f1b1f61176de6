/**
 * The drawing of the timeline, by D3 into one SVG: axes, curves, ticks (drawn when the run or the size changes) and the
 * marks of now and before (moved at every checkpoint, nothing else is touched then).
 */
import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { select, type Selection } from 'd3-selection';
import { area, line } from 'd3-shape';
import type { Checkpoint, Metrics, Run } from '../../api/types';
import { nearest } from '../../base/scales';
import {
  apart,
  axisEnd,
  epochTicks,
  errorRuns,
  lossBins,
  lossTop,
  rateChanges,
  smoothed,
  startsEpoch,
  trainLoss,
} from './data';

export const HEIGHT = 127;
const LEFT = 56;
const RIGHT = 88;
const TOP = 12;
const BOTTOM = 82;
const TICKS = 90;

export interface Track {
  x: (step: number) => number;
  /** The checkpoint nearest to a horizontal position; gaps are passed over unless asked for. */
  at: (position: number, gaps: boolean) => number;
  mark: (now: number, before: number, hollow: boolean) => void;
  ghost: (checkpoint: number | null) => void;
}

interface Picture {
  svg: SVGSVGElement;
  run: Run;
  metrics: Metrics | null;
  width: number;
}

const crisp = (value: number): number => Math.round(value) + 0.5;

/** Draws everything that does not move with the playhead. */
export function drawTrack({ svg, run, metrics, width }: Picture): Track {
  const points = run.checkpoints;
  const end = axisEnd(run);
  const x = scaleLinear([0, end], [LEFT, Math.max(LEFT + 40, width - RIGHT)]);
  const right = x(end);
  const bins = lossBins(
    metrics?.train ?? { step: [], loss: [] },
    end,
    Math.min(600, Math.max(40, Math.floor(width / 3))),
  );
  const loss = scaleLinear([0, lossTop(bins, run.classes.length)], [BOTTOM, TOP]).clamp(true);
  const error = scaleLinear([0, 1], [BOTTOM, TOP]).clamp(true);

  const root = select(svg).attr('viewBox', null);
  root.selectAll('*').remove();
  const defs = root.append('defs');
  defs
    .append('pattern')
    .attr('id', 'tl-hatch')
    .attr('width', 5)
    .attr('height', 5)
    .attr('patternUnits', 'userSpaceOnUse')
    .attr('patternTransform', 'rotate(45)')
    .append('line')
    .attr('y2', 5)
    .style('stroke', 'var(--line-strong)');
  const past = defs
    .append('clipPath')
    .attr('id', 'tl-past')
    .append('rect')
    .attr('height', HEIGHT)
    .attr('width', 0);

  const axis = root.append('g');
  for (const value of [0, 0.5, 1]) {
    const y = error(value);
    axis
      .append('line')
      .attr('class', 'grid')
      .attr('x1', LEFT)
      .attr('x2', right)
      .attr('y1', crisp(y))
      .attr('y2', crisp(y));
    axis
      .append('text')
      .attr('x', LEFT - 6)
      .attr('y', y + 4)
      .attr('text-anchor', 'end')
      .text(`${value * 100}${value === 1 ? ' %' : ''}`);
  }
  const reached = points.at(-1)?.step ?? 0;
  if (run.live && reached < end) {
    axis
      .append('rect')
      .attr('x', x(reached))
      .attr('y', TOP)
      .attr('width', right - x(reached))
      .attr('height', BOTTOM - TOP)
      .attr('fill', 'url(#tl-hatch)')
      .attr('opacity', 0.5);
  }
  for (const change of rateChanges(run.stages).filter((c) => c.step < end)) {
    const at = crisp(x(change.step));
    axis
      .append('line')
      .attr('class', 'ax')
      .attr('x1', at)
      .attr('x2', at)
      .attr('y1', TOP)
      .attr('y2', TICKS + 8)
      .attr('stroke-dasharray', '1 2');
    const late = at > right - 70;
    axis
      .append('text')
      .attr('x', at + (late ? -5 : 5))
      .attr('y', TOP + 9)
      .attr('text-anchor', late ? 'end' : 'start')
      .text(change.label);
  }

  const mean = smoothed(bins, 4);
  const curves = [
    {
      d: area<(typeof bins)[0]>(
        (b) => x(b.step),
        (b) => loss(b.least),
        (b) => loss(b.greatest),
      )(bins),
      kind: 'band',
    },
    {
      d: line<number>(
        (_, i) => x(bins[i].step),
        (v) => loss(v),
      )(mean),
      kind: 'loss',
    },
    ...errorRuns(points).map((part) => ({
      d: line<Checkpoint>(
        (c) => x(c.step),
        (c) => error(c.test_error ?? 0),
      )(part),
      kind: 'error',
    })),
  ];
  for (const past of [false, true]) {
    const group = root.append('g').attr('class', past ? 'past' : 'all');
    if (past) group.attr('clip-path', 'url(#tl-past)');
    for (const curve of curves)
      group
        .append('path')
        .attr('class', curve.kind)
        .attr('d', curve.d ?? '');
  }
  drawTicks(root.append('g'), points, x);
  const epochs = run.total_epochs || points.at(-1)?.epoch || 0;
  const lastEpoch = run.live ? epochs : (points.at(-1)?.epoch ?? 0);
  const labels = root.append('g');
  for (const epoch of epochTicks(lastEpoch, Math.max(2, Math.floor((right - LEFT) / 44)))) {
    labels
      .append('text')
      .attr('x', x(lastEpoch > 0 ? (epoch / lastEpoch) * (run.live ? end : reached) : 0))
      .attr('y', TICKS + 30)
      .attr('text-anchor', 'middle')
      .text(String(epoch));
  }
  labels
    .append('text')
    .attr('x', right + 16)
    .attr('y', TICKS + 30)
    .text('epoch');

  const tested = points.filter((c) => c.test_error !== null).at(-1);
  if (tested && mean.length) {
    const [a, b] = apart(
      error(tested.test_error ?? 0) + 4,
      loss(mean[mean.length - 1]) + 4,
      12,
      TOP + 8,
      BOTTOM + 4,
    );
    const at = Math.min(right, Math.max(x(tested.step), x(bins[bins.length - 1].step))) + 10;
    root.append('text').attr('class', 'strong').attr('x', at).attr('y', a).text('test error');
    root.append('text').attr('x', at).attr('y', b).text('train loss');
  }
  return marks({ root, past, points, x, loss, error });
}

type Drawn<E extends SVGElement> = Selection<E, unknown, null, undefined>;
type Root = Drawn<SVGSVGElement>;
type Group = Drawn<SVGGElement>;

/** One path per kind of tick, so that a thousand checkpoints are four elements. */
function drawTicks(group: Group, points: readonly Checkpoint[], x: ScaleLinear<number, number>): void {
  const kinds: Record<'kept' | 'epoch' | 'gap', string[]> = { kept: [], epoch: [], gap: [] };
  points.forEach((point, i) => {
    const at = crisp(x(point.step));
    if (point.problem) kinds.gap.push(`M${at},${TICKS - 4}V${TICKS + 9}`);
    else if (startsEpoch(points, i)) kinds.epoch.push(`M${at},${TICKS}V${TICKS + 9}`);
    else kinds.kept.push(`M${at},${TICKS}V${TICKS + 5}`);
  });
  for (const [kind, parts] of Object.entries(kinds))
    group.append('path').attr('class', `tick ${kind}`).attr('d', parts.join(''));
}

interface Marks {
  root: Root;
  past: Drawn<SVGRectElement>;
  points: readonly Checkpoint[];
  x: ScaleLinear<number, number>;
  loss: ScaleLinear<number, number>;
  error: ScaleLinear<number, number>;
}

function marks({ root, past, points, x, loss, error }: Marks): Track {
  const ghost = root.append('g').attr('opacity', 0);
  ghost
    .append('line')
    .attr('class', 'ghost')
    .attr('x1', 0.5)
    .attr('x2', 0.5)
    .attr('y1', TOP)
    .attr('y2', TICKS + 9);
  const before = root.append('g').attr('class', 'before');
  before
    .append('line')
    .attr('class', 'bf')
    .attr('x1', 0.5)
    .attr('x2', 0.5)
    .attr('y1', TOP - 4)
    .attr('y2', TICKS + 9);
  before
    .append('path')
    .attr('class', 'hollow')
    .attr('d', `M.5 ${TICKS + 10}l4.5 4.5l-4.5 4.5l-4.5 -4.5z`);
  const beforeDot = before.append('circle').attr('class', 'hollow').attr('r', 2.5).attr('cx', 0.5);
  const now = root.append('g').attr('class', 'now');
  now
    .append('line')
    .attr('class', 'ph')
    .attr('x1', 0.5)
    .attr('x2', 0.5)
    .attr('y1', 0)
    .attr('y2', TICKS + 9);
  const handle = now
    .append('path')
    .attr('class', 'handle')
    .attr('d', `M-4.5 ${TICKS + 14}L.5 ${TICKS + 9}L5.5 ${TICKS + 14}V${TICKS + 19}H-4.5Z`);
  const errorDot = now.append('circle').attr('class', 'full').attr('r', 3).attr('cx', 0.5);
  const lossDot = now.append('circle').attr('class', 'ring').attr('r', 2.5).attr('cx', 0.5);

  const steps = points.map((p) => p.step);
  const readable = points.flatMap((p, i) => (p.problem ? [] : [i]));
  const readableSteps = readable.map((i) => steps[i]);
  const move = (group: Group, checkpoint: number) =>
    group.attr('transform', `translate(${Math.round(x(steps[checkpoint] ?? 0))},0)`);
  const dot = (circle: Drawn<SVGCircleElement>, y: number) =>
    circle.attr('cy', Number.isFinite(y) ? y : 0).attr('visibility', Number.isFinite(y) ? null : 'hidden');
  const at = (value: number | null, scale: ScaleLinear<number, number>) =>
    value === null ? Number.NaN : scale(value);

  return {
    x: (step) => x(step),
    at: (position, gaps) => {
      const step = x.invert(position);
      if (gaps || readable.length === 0) return Math.max(0, nearest(steps, step));
      return readable[nearest(readableSteps, step)];
    },
    mark: (c, b, hollow) => {
      if (!points[c]) return;
      move(now, c);
      past.attr('width', x(steps[c]) + 0.5);
      handle.classed('late', hollow);
      dot(errorDot, at(points[c].test_error, error));
      dot(lossDot, loss(trainLoss(points[c])));
      before.attr('visibility', points[b] ? null : 'hidden');
      if (points[b]) {
        move(before, b);
        dot(beforeDot, at(points[b].test_error, error));
      }
    },
    ghost: (c) => {
      ghost.attr('opacity', c === null ? 0 : 1);
      if (c !== null) move(ghost, c);
    },
  };
}
