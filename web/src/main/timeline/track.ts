/**
 * The drawing of the timeline, by D3: axes, curves, ticks (drawn when the run or the size changes) and the marks of
 * the playhead and of the reference (moved at every checkpoint, nothing else is touched then).
 */
import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { select } from 'd3-selection';
import { area, line } from 'd3-shape';
import type { Checkpoint, Metrics, Run } from '../../api/types';
import {
  apart,
  axisEnd,
  axisTicks,
  errorSegments,
  flags,
  lossBins,
  lossTop,
  rateChanges,
  smoothed,
  startsEpoch,
  withoutStatistics,
  type AxisUnit,
} from './data';
import type { Mark } from '../../state/marks';
import { divergedAt } from '../../state/divergence';
import { drawPlayhead, type Drawn, type Track, type TrackLayout } from './playhead';

export { LAYOUTS, scaledLayout, type Track, type TrackLayout } from './playhead';

interface TrackInput {
  svg: SVGSVGElement;
  /** Holds the playhead. */
  over: SVGSVGElement;
  run: Run;
  metrics: Metrics | null;
  width: number;
  unit: AxisUnit;
  marked: readonly Mark[];
  layout: TrackLayout;
}

const crisp = (value: number): number => Math.round(value) + 0.5;

/** The picture's scales, and the curves on them. */
interface Scene {
  layout: TrackLayout;
  root: Drawn<SVGSVGElement>;
  run: Run;
  points: readonly Checkpoint[];
  end: number;
  right: number;
  x: ScaleLinear<number, number>;
  loss: ScaleLinear<number, number>;
  error: ScaleLinear<number, number>;
  bins: ReturnType<typeof lossBins>;
  /** The smoothed loss of each bin. */
  mean: number[];
  changes: ReturnType<typeof rateChanges>;
}

function sceneOf({ svg, run, metrics, width, layout }: TrackInput): Scene {
  const { left, right, top, bottom } = layout;
  const end = axisEnd(run);
  const x = scaleLinear([0, end], [left, Math.max(left + 40, width - right)]);
  const train = metrics?.train ?? { step: [], loss: [] };
  const bins = lossBins(train, end, Math.min(600, Math.max(40, Math.floor(width / 3))));
  return {
    layout,
    root: select(svg),
    run,
    points: run.checkpoints,
    end,
    right: x(end),
    x,
    loss: scaleLinear([0, lossTop(bins, run.classes.length)], [bottom, top]).clamp(true),
    error: scaleLinear([0, 1], [bottom, top]).clamp(true),
    bins,
    mean: smoothed(bins, 4),
    changes: rateChanges(run.stages).filter((c) => c.step < end),
  };
}

/** Draws everything that does not move with the playhead; the returned functions draw what does. */
export function drawTrack(picture: TrackInput): Track {
  const scene = sceneOf(picture);
  const { root, layout, points, x, loss, error } = scene;
  root.attr('viewBox', null).selectAll('*').remove();
  drawHatch(root.append('defs'));
  drawAxis(root.append('g'), scene);
  drawCurves(root.append('g'), scene);
  const rates = drawRates(scene);
  drawTicks(root.append('g'), scene);
  drawStepLabels(root.append('g'), scene, picture.unit);
  drawFlags(root.append('g').attr('class', 'flags'), scene, picture.marked);
  if (layout.labels) nameCurves(scene);
  return drawPlayhead({ root, layout, overlay: picture.over, points, rates, x, loss, error });
}

type Group = Drawn<SVGGElement>;

/** The pattern of the part of the run that is still to come. */
function drawHatch(defs: Drawn<SVGDefsElement>): void {
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
}

function upright(
  group: Drawn<SVGGElement> | Drawn<SVGSVGElement>,
  at: number,
  [top, bottom]: readonly [number, number],
) {
  return group.append('line').attr('x1', at).attr('x2', at).attr('y1', top).attr('y2', bottom);
}

/** Grid lines with their values, the part of a live run still to come, changes of the learning rate. */
function drawAxis(axis: Group, { layout, run, points, end, right, x, error, changes }: Scene): void {
  const { left, top, bottom, ticks } = layout;
  for (const value of layout.labels ? [0, 0.5, 1] : []) {
    const y = error(value);
    axis
      .append('line')
      .attr('class', 'grid')
      .attr('x1', left)
      .attr('x2', right)
      .attr('y1', crisp(y))
      .attr('y2', crisp(y));
    axis
      .append('text')
      .attr('x', left - 6)
      .attr('y', y + 4)
      .attr('text-anchor', 'end')
      .text(`${value * 100}${value === 1 ? ' %' : ''}`);
  }
  const reached = points.at(-1)?.step ?? 0;
  if (run.live && reached < end) {
    axis
      .append('rect')
      .attr('x', x(reached))
      .attr('y', top)
      .attr('width', right - x(reached))
      .attr('height', bottom - top)
      .attr('fill', 'url(#tl-hatch)')
      .attr('opacity', 0.5);
  }
  for (const change of changes)
    upright(axis, crisp(x(change.step)), [top, ticks + 8])
      .attr('class', 'ax')
      .attr('stroke-dasharray', '1 2');
}

/** The band of the minibatches' losses, their mean, the test error. */
function drawCurves(group: Group, { points, x, loss, error, bins, mean }: Scene): void {
  const add = (kind: string, d: string | null) =>
    group
      .append('path')
      .attr('class', kind)
      .attr('d', d ?? '');
  const band = area<(typeof bins)[0]>(
    (b) => x(b.step),
    (b) => loss(b.min),
    (b) => loss(b.max),
  );
  const meanLine = line<number>((_, i) => x(bins[i].step), (v) => loss(v)); // prettier-ignore
  const errorLine = line<Checkpoint>((c) => x(c.step), (c) => error(c.test_error ?? 0)); // prettier-ignore
  add('band', band(bins));
  add('loss', meanLine(mean));
  for (const part of errorSegments(points)) add('error', errorLine(part));
}

/** Labels of the learning rate's changes and of divergence, over the curves. */
function drawRates({ root, layout, run, x, changes }: Scene) {
  const { top, ticks } = layout;
  const label = (kind: string, y: number, text: string) =>
    root.append('text').attr('class', kind).attr('y', y).text(text);
  const { divergence } = run;
  if (divergence) upright(root, crisp(x(divergence.step)), [top, ticks + 9]).attr('class', 'diverged');
  if (!layout.labels) return [];
  const rates = changes.map(({ step, label: text }) => ({
    at: crisp(x(step)),
    text: label('rate', top + 9, text),
  }));
  // Below those of the rate, between which it may be.
  if (divergence)
    rates.push({
      at: crisp(x(divergence.step)),
      text: label('rate diverged', top + 23, divergedAt(divergence)),
    });
  return rates;
}

function drawStepLabels(labels: Group, { layout, run, end, right, x }: Scene, unit: AxisUnit): void {
  const { left, steps } = layout;
  if (steps === null) return;
  for (const { step, label } of axisTicks(run, end, unit, Math.max(2, Math.floor((right - left) / 56)))) {
    labels.append('text').attr('x', x(step)).attr('y', steps).attr('text-anchor', 'middle').text(label);
  }
}

/** The names of the curves, right of their ends. */
function nameCurves({ root, layout, points, right, x, loss, error, bins, mean }: Scene): void {
  const tested = points.filter((c) => c.test_error !== null).at(-1);
  if (!tested || !mean.length) return;
  const [a, b] = apart(
    error(tested.test_error ?? 0) + 4,
    loss(mean[mean.length - 1]) + 4,
    Math.round((12 * layout.height) / 127),
    layout.top + 8,
    layout.bottom + 4,
  );
  const at = Math.min(right, Math.max(x(tested.step), x(bins[bins.length - 1].step))) + 10;
  root.append('text').attr('class', 'strong').attr('x', at).attr('y', a).text('test error');
  root.append('text').attr('x', at).attr('y', b).text('train loss');
}

/** A flag for every mark, with its name where there is room for it. */
function drawFlags(group: Group, { layout, points, x }: Scene, marked: readonly Mark[]): void {
  const placed = marked.filter((mark) => points[mark.checkpoint]);
  const names = flags(
    placed.map((mark) => ({ at: x(points[mark.checkpoint].step), name: mark.name })),
    x.range()[1] + layout.right - 8,
  );
  placed.forEach((mark, i) => {
    const at = crisp(x(points[mark.checkpoint].step));
    group
      .append('line')
      .attr('x1', at)
      .attr('x2', at)
      .attr('y1', 2)
      .attr('y2', layout.ticks + 9);
    group.append('path').attr('d', `M${at},1h7l-2.5,3l2.5,3h-7z`);
    if (names[i] && layout.labels)
      group
        .append('text')
        .attr('x', at + 10)
        .attr('y', 9)
        .text(names[i]);
  });
}

/** One path per kind of tick, so that a thousand checkpoints are four elements. */
function drawTicks(group: Group, { layout: { ticks }, points, x }: Scene): void {
  const kinds: Record<'saved' | 'epoch' | 'gap' | 'bare' | 'diverged', string[]> = {
    saved: [],
    epoch: [],
    gap: [],
    bare: [],
    diverged: [],
  };
  const missing = new Set(withoutStatistics(points));
  points.forEach((point, i) => {
    const at = crisp(x(point.step));
    if (point.problem) kinds.gap.push(`M${at},${ticks - 4}V${ticks + 9}`);
    else if (point.diverged) kinds.diverged.push(`M${at},${ticks - 4}V${ticks + 9}`);
    else if (startsEpoch(points, i)) kinds.epoch.push(`M${at},${ticks}V${ticks + 9}`);
    else kinds.saved.push(`M${at},${ticks}V${ticks + 5}`);
    if (missing.has(i)) kinds.bare.push(`M${at - 0.5},${ticks + 13.5}h2`);
  });
  for (const [kind, parts] of Object.entries(kinds))
    group.append('path').attr('class', `tick ${kind}`).attr('d', parts.join(''));
}
