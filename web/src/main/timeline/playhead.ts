/**
 * The moving parts of the timeline: the playhead, the reference (`before`), the line under the pointer (`ghost`), the loop.
 * The playhead and the veil over the part of the run after it are an SVG of their own above the others, so that no curve is repainted at a step. They are moved by attributes, over a
 * background rectangle that keeps the bounds constant: a transform, or changing bounds, would make the browser rebuild
 * all its layers.
 */
import type { ScaleLinear } from 'd3-scale';
import { select, type Selection } from 'd3-selection';
import type { Checkpoint } from '../../api/types';
import { nearest } from '../../base/scales';
import { labelSide, trainLoss } from './data';

/** The measures of the timeline in pixels; `labels` names the curves and the values of the axis. */
export interface TrackLayout {
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
  ticks: number;
  loop: number;
  /** Where the numbers of the axis stand; null for none. */
  steps: number | null;
  labels: boolean;
}

export const LAYOUTS = {
  full: {
    height: 127,
    left: 56,
    right: 88,
    top: 12,
    bottom: 82,
    ticks: 90,
    loop: 86,
    steps: 120,
    labels: true,
  },
  /** Below 900 pixels. */
  narrow: {
    height: 75,
    left: 16,
    right: 24,
    top: 8,
    bottom: 36,
    ticks: 42,
    loop: 39,
    steps: 71,
    labels: false,
  },
  /** A line of ticks, for the presenter. */
  line: {
    height: 44,
    left: 24,
    right: 24,
    top: 2,
    bottom: 18,
    ticks: 22,
    loop: 20,
    steps: null,
    labels: false,
  },
} satisfies Record<string, TrackLayout>;

/** The layout for another base font size than 12 px; the line of ticks keeps its height. */
export function scaledLayout(kind: keyof typeof LAYOUTS, base_px: number): TrackLayout {
  const layout = LAYOUTS[kind];
  if (layout.steps === null) return layout;
  const scaled = (value: number) => Math.round((value * base_px) / 12);
  const { height, left, right, top, bottom, ticks, loop, labels } = layout;
  const [h, l, r, t, b, k, o] = [height + 1, left, right, top, bottom, ticks, loop].map(scaled);
  return {
    height: h - 1,
    left: l,
    right: r,
    top: t,
    bottom: b,
    ticks: k,
    loop: o,
    steps: scaled(layout.steps),
    labels,
  };
}

export type Drawn<E extends SVGElement> = Selection<E, unknown, null, undefined>;

export interface Track {
  x: (step: number) => number;
  /** The checkpoint nearest to a horizontal position; gaps are skipped unless requested. */
  at: (position: number, gaps: boolean) => number;
  mark: (now: number, before: number, hollow: boolean) => void;
  loop: (range: readonly [number, number] | null) => void;
  /** The end of the loop under a point, if one is. */
  end: (x: number, y: number, range: readonly [number, number] | null) => 'from' | 'to' | null;
  /** True where a point lies on the handle of the reference. */
  onBefore: (x: number, y: number, before: number) => boolean;
  ghost: (checkpoint: number | null) => void;
}

interface TrackScene {
  layout: TrackLayout;
  root: Drawn<SVGSVGElement>;
  overlay: SVGSVGElement;
  points: readonly Checkpoint[];
  /** The labels of the marks where the learning rate changed. */
  rates: readonly { at: number; text: Drawn<SVGTextElement> }[];
  x: ScaleLinear<number, number>;
  loss: ScaleLinear<number, number>;
  error: ScaleLinear<number, number>;
}

/** Draws background and veil; the veil reaches from the playhead to the end of the axis. */
function drawVeil(overlay: SVGSVGElement, right: number, layout: TrackLayout): (at: number) => void {
  const place = select(overlay);
  place.selectAll('*').remove();
  place
    .append('rect')
    .attr('width', right + layout.right)
    .attr('height', layout.height)
    .attr('fill', 'transparent');
  const veil = place
    .append('rect')
    .attr('class', 'veil')
    .attr('y', layout.top)
    .attr('height', layout.bottom - layout.top);
  return (at) => veil.attr('x', at + 1).attr('width', Math.max(0, right + 2 - at));
}

/** The playhead: its line and handle, a dot on either curve. */
function playheadMark(overlay: SVGSVGElement, { ticks }: TrackLayout) {
  const place = select(overlay);
  const stem = place
    .append('line')
    .attr('class', 'ph')
    .attr('y1', 0)
    .attr('y2', ticks + 9);
  const handle = place.append('path').attr('class', 'handle');
  const error = place.append('circle').attr('class', 'full').attr('r', 3);
  const loss = place.append('circle').attr('class', 'open').attr('r', 2.5);
  return {
    move: (at: number) => {
      stem.attr('x1', at + 0.5).attr('x2', at + 0.5);
      handle.attr('d', `M${at - 4.5} ${ticks + 14}l5 -5l5 5V${ticks + 19}h-10Z`);
      for (const dot of [error, loss]) dot.attr('cx', at + 0.5);
    },
    late: (hollow: boolean) => handle.classed('late', hollow),
    error,
    loss,
  };
}

/** The line under the pointer, the range of the loop, and the mark of the reference with its dot. */
function drawMarks(root: Drawn<SVGSVGElement>, { top, ticks }: TrackLayout) {
  const stem = (group: Drawn<SVGGElement>, kind: string, from: number) =>
    group
      .append('line')
      .attr('class', kind)
      .attr('x1', 0.5)
      .attr('x2', 0.5)
      .attr('y1', from)
      .attr('y2', ticks + 9);
  const ghost = root.append('g').attr('opacity', 0);
  stem(ghost, 'ghost', top);
  const loop = root.append('path').attr('class', 'loop').attr('visibility', 'hidden');
  const before = root.append('g').attr('class', 'before');
  stem(before, 'bf', Math.max(0, top - 4));
  before
    .append('path')
    .attr('class', 'hollow')
    .attr('d', `M.5 ${ticks + 10}l4.5 4.5l-4.5 4.5l-4.5 -4.5z`);
  const beforeDot = before.append('circle').attr('class', 'hollow').attr('r', 2.5).attr('cx', 0.5);
  return { ghost, loop, before, beforeDot };
}

/** Moves the labels of the learning rate to the side where the playhead does not cross them. */
function rateLabels(
  rates: TrackScene['rates'],
  right: number,
  { left }: TrackLayout,
): (playhead: number) => void {
  const sides: string[] = [];
  return (playhead) =>
    rates.forEach(({ at, text }, i) => {
      const width = 6 * text.text().length + 10;
      const side = labelSide({ at, width }, playhead, [left, right]);
      if (side === sides[i]) return;
      sides[i] = side;
      text.attr('x', at + (side === 'left' ? -6 : 6)).attr('text-anchor', side === 'left' ? 'end' : 'start');
    });
}

/** Finds what is at a position of the pointer. */
function hitTests(points: readonly Checkpoint[], x: ScaleLinear<number, number>, { ticks, loop }: TrackLayout) {
  const steps = points.map((p) => p.step);
  const readable = points.flatMap((p, i) => (p.problem ? [] : [i]));
  const readableSteps = readable.map((i) => steps[i]);
  const at: Track['at'] = (position, gaps) => {
    const step = x.invert(position);
    if (gaps || readable.length === 0) return Math.max(0, nearest(steps, step));
    return readable[nearest(readableSteps, step)];
  };
  const end: Track['end'] = (px, py, range) => {
    if (!range || Math.abs(py - loop) > 7) return null;
    const [a, b] = range.map((c) => x(steps[Math.min(c, steps.length - 1)]));
    if (Math.min(Math.abs(px - a), Math.abs(px - b)) > 6) return null;
    return Math.abs(px - a) <= Math.abs(px - b) ? 'from' : 'to';
  };
  const onBefore: Track['onBefore'] = (px, py, b) =>
    py >= ticks + 7 && py <= ticks + 21 && Math.abs(px - x(steps[b] ?? Number.NaN)) <= 7;
  return { at, end, onBefore };
}

/** Draws the moving parts without a position, and returns the functions that move them. */
export function drawPlayhead({ root, overlay, layout, points, rates, x, loss, error }: TrackScene): Track {
  const { ghost, loop, before, beforeDot } = drawMarks(root, layout);
  const veil = drawVeil(overlay, x.range()[1], layout);
  const now = playheadMark(overlay, layout);

  const avoidPlayhead = rateLabels(rates, x.range()[1], layout);
  let pinned = -1;
  const steps = points.map((p) => p.step);
  const move = (group: Drawn<SVGGElement>, checkpoint: number) =>
    group.attr('transform', `translate(${Math.round(x(steps[checkpoint] ?? 0))},0)`);
  const dot = (circle: Drawn<SVGCircleElement>, y: number) =>
    circle.attr('cy', Number.isFinite(y) ? y : 0).attr('visibility', Number.isFinite(y) ? null : 'hidden');
  const yOf = (value: number | null, scale: ScaleLinear<number, number>) =>
    value === null ? Number.NaN : scale(value);

  return {
    x: (step) => x(step),
    ...hitTests(points, x, layout),
    mark: (c, b, hollow) => {
      if (!points[c]) return;
      const place = Math.round(x(steps[c]));
      veil(place);
      now.move(place);
      now.late(hollow);
      avoidPlayhead(place);
      dot(now.error, yOf(points[c].test_error, error));
      dot(now.loss, loss(trainLoss(points[c])));
      // It rarely moves, and is part of the same picture as the curves.
      if (b === pinned) return;
      pinned = b;
      before.attr('visibility', points[b] ? null : 'hidden');
      if (points[b]) {
        move(before, b);
        dot(beforeDot, yOf(points[b].test_error, error));
      }
    },
    loop: (range) => {
      loop.attr('visibility', range && points.length > 1 ? null : 'hidden');
      if (!range || !points.length) return;
      const [a, b] = range.map((c) => Math.round(x(steps[Math.min(c, steps.length - 1)])));
      loop.attr('d', `M${a},${layout.loop - 3}h2v2H${b - 1}v-2h2v6h-2v-2H${a + 2}v2h-2z`);
    },
    ghost: (c) => {
      ghost.attr('opacity', c === null ? 0 : 1);
      if (c !== null) move(ghost, c);
    },
  };
}
