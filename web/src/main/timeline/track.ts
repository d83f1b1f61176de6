/**
 * The drawing of the timeline, by D3: axes, curves, ticks (drawn when the run or the size changes) and the marks of now
 * and before (moved at every checkpoint, nothing else is touched then).
 */
import { scaleLinear, type ScaleLinear } from 'd3-scale';
import { select } from 'd3-selection';
import { area, line } from 'd3-shape';
import type { Checkpoint, Metrics, Run } from '../../api/types';
import {
  apart,
  axisEnd,
  axisTicks,
  errorRuns,
  flags,
  lossBins,
  lossTop,
  rateChanges,
  smoothed,
  startsEpoch,
  uncounted,
  type Unit,
} from './data';
import type { Mark } from '../../state/marks';
import { divergedAt } from '../../state/divergence';
import { BOTTOM, LEFT, drawPlayhead, RIGHT, TICKS, TOP, type Drawn, type Track } from './playhead';

export { HEIGHT, type Track } from './playhead';

interface Picture {
  svg: SVGSVGElement;
  /** Holds the mark of now. */
  over: SVGSVGElement;
  run: Run;
  metrics: Metrics | null;
  width: number;
  unit: Unit;
  marked: readonly Mark[];
}

const crisp = (value: number): number => Math.round(value) + 0.5;

/** Draws everything that does not move with the playhead. */
export function drawTrack({ svg, over, run, metrics, width, unit, marked }: Picture): Track {
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
  const changes = rateChanges(run.stages).filter((c) => c.step < end);
  for (const change of changes) {
    const at = crisp(x(change.step));
    axis
      .append('line')
      .attr('class', 'ax')
      .attr('x1', at)
      .attr('x2', at)
      .attr('y1', TOP)
      .attr('y2', TICKS + 8)
      .attr('stroke-dasharray', '1 2');
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
  const group = root.append('g');
  for (const curve of curves)
    group
      .append('path')
      .attr('class', curve.kind)
      .attr('d', curve.d ?? '');
  if (run.divergence) {
    const at = crisp(x(run.divergence.step));
    root
      .append('line')
      .attr('class', 'lost')
      .attr('x1', at)
      .attr('x2', at)
      .attr('y1', TOP)
      .attr('y2', TICKS + 9);
  }
  // Over the curves, on a ground of their own.
  const rates = changes.map(({ step, label }) => ({
    at: crisp(x(step)),
    text: root
      .append('text')
      .attr('class', 'rate')
      .attr('y', TOP + 9)
      .text(label),
  }));
  if (run.divergence)
    rates.push({
      at: crisp(x(run.divergence.step)),
      // Below those of the rate, which it may stand among.
      text: root
        .append('text')
        .attr('class', 'rate lost')
        .attr('y', TOP + 23)
        .text(divergedAt(run.divergence)),
    });
  drawTicks(root.append('g'), points, x);
  const labels = root.append('g');
  for (const { step, label } of axisTicks(run, end, unit, Math.max(2, Math.floor((right - LEFT) / 56)))) {
    labels
      .append('text')
      .attr('x', x(step))
      .attr('y', TICKS + 30)
      .attr('text-anchor', 'middle')
      .text(label);
  }
  drawFlags(root.append('g').attr('class', 'flags'), points, marked, x);

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
  return drawPlayhead({ root, overlay: over, points, rates, x, loss, error });
}

type Group = Drawn<SVGGElement>;

/** A flag for every mark, with its name where there is room for it. */
function drawFlags(
  group: Group,
  points: readonly Checkpoint[],
  marked: readonly Mark[],
  x: ScaleLinear<number, number>,
): void {
  const placed = marked.filter((mark) => points[mark.checkpoint]);
  const names = flags(
    placed.map((mark) => ({ at: x(points[mark.checkpoint].step), name: mark.name })),
    x.range()[1] + RIGHT - 8,
  );
  placed.forEach((mark, i) => {
    const at = crisp(x(points[mark.checkpoint].step));
    group
      .append('line')
      .attr('x1', at)
      .attr('x2', at)
      .attr('y1', 2)
      .attr('y2', TICKS + 9);
    group.append('path').attr('d', `M${at},1h7l-2.5,3l2.5,3h-7z`);
    if (names[i])
      group
        .append('text')
        .attr('x', at + 10)
        .attr('y', 9)
        .text(names[i]);
  });
}

/** One path per kind of tick, so that a thousand checkpoints are four elements. */
function drawTicks(group: Group, points: readonly Checkpoint[], x: ScaleLinear<number, number>): void {
  const kinds: Record<'kept' | 'epoch' | 'gap' | 'bare' | 'lost', string[]> = {
    kept: [],
    epoch: [],
    gap: [],
    bare: [],
    lost: [],
  };
  const missing = new Set(uncounted(points));
  points.forEach((point, i) => {
    const at = crisp(x(point.step));
    if (point.problem) kinds.gap.push(`M${at},${TICKS - 4}V${TICKS + 9}`);
    else if (point.diverged) kinds.lost.push(`M${at},${TICKS - 4}V${TICKS + 9}`);
    else if (startsEpoch(points, i)) kinds.epoch.push(`M${at},${TICKS}V${TICKS + 9}`);
    else kinds.kept.push(`M${at},${TICKS}V${TICKS + 5}`);
    if (missing.has(i)) kinds.bare.push(`M${at - 0.5},${TICKS + 13.5}h2`);
  });
  for (const [kind, parts] of Object.entries(kinds))
    group.append('path').attr('class', `tick ${kind}`).attr('d', parts.join(''));
}
