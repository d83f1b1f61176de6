/** What of the timeline moves: now, before, the pointer's ghost, the loop. Moving them touches nothing else. */
import type { ScaleLinear } from 'd3-scale';
import type { Selection } from 'd3-selection';
import type { Checkpoint } from '../../api/types';
import { nearest } from '../../base/scales';
import { trainLoss } from './data';

export const HEIGHT = 127;
export const LEFT = 56;
export const RIGHT = 88;
export const TOP = 12;
export const BOTTOM = 82;
export const TICKS = 90;
const LOOP = 86;

export type Drawn<E extends SVGElement> = Selection<E, unknown, null, undefined>;

export interface Track {
  x: (step: number) => number;
  /** The checkpoint nearest to a horizontal position; gaps are passed over unless asked for. */
  at: (position: number, gaps: boolean) => number;
  mark: (now: number, before: number, hollow: boolean) => void;
  loop: (range: readonly [number, number] | null) => void;
  /** The end of the loop under a point, if one is. */
  end: (x: number, y: number, range: readonly [number, number] | null) => 'from' | 'to' | null;
  ghost: (checkpoint: number | null) => void;
}

interface Ground {
  root: Drawn<SVGSVGElement>;
  points: readonly Checkpoint[];
  x: ScaleLinear<number, number>;
  loss: ScaleLinear<number, number>;
  error: ScaleLinear<number, number>;
}

/** Draws what moves, at no place yet, and hands out the ways to move it. */
export function moving({ root, points, x, loss, error }: Ground): Track {
  const ghost = root.append('g').attr('opacity', 0);
  ghost
    .append('line')
    .attr('class', 'ghost')
    .attr('x1', 0.5)
    .attr('x2', 0.5)
    .attr('y1', TOP)
    .attr('y2', TICKS + 9);
  const loop = root.append('path').attr('class', 'loop').attr('visibility', 'hidden');
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
  const move = (group: Drawn<SVGGElement>, checkpoint: number) =>
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
      handle.classed('late', hollow);
      dot(errorDot, at(points[c].test_error, error));
      dot(lossDot, loss(trainLoss(points[c])));
      before.attr('visibility', points[b] ? null : 'hidden');
      if (points[b]) {
        move(before, b);
        dot(beforeDot, at(points[b].test_error, error));
      }
    },
    loop: (range) => {
      loop.attr('visibility', range && points.length > 1 ? null : 'hidden');
      if (!range || !points.length) return;
      const [a, b] = range.map((c) => Math.round(x(steps[Math.min(c, steps.length - 1)])));
      loop.attr('d', `M${a},${LOOP - 3}h2v2H${b - 1}v-2h2v6h-2v-2H${a + 2}v2h-2z`);
    },
    end: (px, py, range) => {
      if (!range || Math.abs(py - LOOP) > 7) return null;
      const [a, b] = range.map((c) => x(steps[Math.min(c, steps.length - 1)]));
      if (Math.min(Math.abs(px - a), Math.abs(px - b)) > 6) return null;
      return Math.abs(px - a) <= Math.abs(px - b) ? 'from' : 'to';
    },
    ghost: (c) => {
      ghost.attr('opacity', c === null ? 0 : 1);
      if (c !== null) move(ghost, c);
    },
  };
}
