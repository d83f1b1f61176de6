// Two runs in the timeline: a lane for each, on one axis. Pure.
import type { Checkpoint, ClockAnswer } from '../../api/types';
import { formatCount, decimal, fixed, signed, signedCount } from '../../base/format';
import { nearest, roundTicks } from '../../base/scales';
import { testErrorText } from '../../state/divergence';
import { trainLoss } from './data';

export interface Axis {
  /** Positions of the checkpoints of A and of B; NaN where there is none. */
  a: number[];
  b: number[];
  top: number;
  ticks: { at: number; label: string }[];
  name: string;
}

/** The measures of a lane in pixels, at 12 px text. */
export interface LaneShape {
  height: number;
  /** The foot of the curve; ticks hang below it. */
  baseline: number;
  left: number;
  right: number;
  /** The height of the numbers of the axis below; 0 for none. */
  axis: number;
  /** Room above the curve, for the numbers at the playhead. */
  above: number;
}

/** In the narrow timeline and in the presenter's there is room for one lane: B is drawn in that of A. */
export const LANES = {
  full: { height: 52, baseline: 38, left: 56, right: 88, axis: 23, above: 5 },
  narrow: { height: 57, baseline: 42, left: 16, right: 24, axis: 18, above: 7 },
  line: { height: 44, baseline: 28, left: 24, right: 24, axis: 0, above: 4 },
} satisfies Record<string, LaneShape>;

/** The lanes for larger text; the line of ticks keeps its height. */
export function scaledLane(kind: keyof typeof LANES, scale: number): LaneShape {
  if (kind === 'line') return LANES.line;
  const entries = Object.entries(LANES[kind]).map(([name, value]) => [name, Math.round(value * scale)]);
  return Object.fromEntries(entries) as LaneShape;
}

const epochs = (points: readonly Checkpoint[]): number[] => points.map((point) => point.epoch);
const numbers = (places: readonly (number | null)[]): number[] => places.map((v) => v ?? Number.NaN);

const AXIS_NAMES = { step: 'step', epoch: 'epoch', images: 'images', fraction: '', time: 'time' };

/** `1:05:00`, `2:30`, `45 s`. */
export function timeText(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Round steps of time, in seconds. */
const TIME_STEPS = [1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400];

function timeTicks(top: number, max: number): number[] {
  const step = TIME_STEPS.find((one) => top / one <= max) ?? Math.ceil(top / max / 86_400) * 86_400;
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, n) => n * step);
}

/**
 * The axis that both lanes lie on: that of the clock. Test errors do not grow with time, so runs aligned by them lie on
 * their epochs, and so do runs whose clock is not known yet.
 */
export function axisOf(
  clock: ClockAnswer | null,
  points: { a: readonly Checkpoint[]; b: readonly Checkpoint[] },
  max: number,
): Axis {
  const hasPlaces = clock && clock.by !== 'error' && [...clock.a, ...clock.b].some((v) => v !== null);
  const by = hasPlaces ? (clock.by as keyof typeof AXIS_NAMES) : 'epoch';
  const a = hasPlaces ? numbers(clock.a) : epochs(points.a);
  const b = hasPlaces ? numbers(clock.b) : epochs(points.b);
  const top = Math.max(1e-9, ...[...a, ...b].filter(Number.isFinite));
  const places = by === 'time' ? timeTicks(top, max) : roundTicks(top, max);
  const label = (value: number) =>
    by === 'time' ? timeText(value) : by === 'fraction' ? `${Math.round(value * 100)} %` : by === 'epoch' ? String(value) : formatCount(value); // prettier-ignore
  return { a, b, top, ticks: places.map((at) => ({ at, label: label(at) })), name: AXIS_NAMES[by] };
}

/** The checkpoint nearest to a place; null where none has one. */
export function checkpointAt(places: readonly number[], place: number): number | null {
  const known = places.flatMap((at, index) => (Number.isFinite(at) ? [{ at, index }] : []));
  const found = nearest(
    known.map(({ at }) => at),
    place,
  );
  return known[found]?.index ?? null;
}

const error = (point: Checkpoint): number =>
  point.problem || point.not_finite || point.test_error === null ? Number.NaN : point.test_error;

/** The greatest test error of both runs, which both lanes end at. */
export const errorTop = (...runs: readonly (readonly Checkpoint[])[]): number =>
  Math.max(0.01, ...runs.flat().map(error).filter(Number.isFinite));

/** The test error of a run as a path; it breaks at what was not measured. */
export function errorPath(
  points: readonly Checkpoint[],
  x: (index: number) => number,
  y: (error: number) => number,
): string {
  let path = '';
  let isOpen = false;
  points.forEach((point, index) => {
    const value = error(point);
    const at = x(index);
    if (Number.isFinite(value) && Number.isFinite(at)) {
      path += `${isOpen ? 'L' : 'M'}${at.toFixed(1)},${y(value).toFixed(1)}`;
      isOpen = true;
    } else if (point.problem || point.not_finite) isOpen = false;
  });
  return path;
}

export interface ReadRow {
  name: string;
  a: string;
  b: string;
  difference: string;
}

/** The two checkpoints beside each other, and A less B. */
export function readRows(a: Checkpoint, b: Checkpoint | null): ReadRow[] {
  const row = (
    name: string,
    text: (point: Checkpoint) => string,
    difference: (a: Checkpoint, b: Checkpoint) => string,
  ): ReadRow => ({ name, a: text(a), b: b ? text(b) : '–', difference: b ? difference(a, b) : '–' });
  return [
    row(
      'Checkpoint',
      (c) => String(c.index),
      (x, y) => signed(x.index - y.index, 0),
    ),
    row(
      'Epoch',
      (c) => fixed(c.epoch, 2),
      (x, y) => signed(x.epoch - y.epoch, 2),
    ),
    row(
      'Images seen',
      (c) => formatCount(c.images_seen),
      (x, y) => signedCount(x.images_seen - y.images_seen),
    ),
    row(
      'Test error',
      (c) => testErrorText(c, 2, '–'),
      (x, y) => signed((error(x) - error(y)) * 100, 2),
    ),
    row(
      'Train loss',
      (c) => decimal(trainLoss(c), 3),
      (x, y) => signed(trainLoss(x) - trainLoss(y), 3),
    ),
  ];
}
