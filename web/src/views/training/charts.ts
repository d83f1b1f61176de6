// The three big charts as one Vega specification. Every mark is placed by data and signals. What moves with the playhead
// lies over the chart (NowMark): Vega then has nothing to do while scrubbing.
import type { Mark, Spec } from 'vega';
import { roundTicks } from '../../base/scales';

export const COLOURS = {
  ink: '--text-1',
  faint: '--text-3',
  grid: '--line',
  axis: '--line-strong',
  before_colour: '--before',
  diverged_colour: '--error',
  future: '--surface-3',
};

const font = '"Inter DV", Inter, sans-serif';
/** Room for the labels of the axes, at text of the usual size. */
export const LEFT = 44;
/** Room right of the end of the run, so that a dot there is not cut. */
export const RIGHT = 4;
export const TOP = 8;
export const BOTTOM = 24;

/** The same for larger text. */
export interface Margins {
  left: number;
  top: number;
  bottom: number;
}
export const marginsAt = (scale: number): Margins => ({
  left: Math.round(LEFT * scale),
  top: Math.round(TOP * scale),
  bottom: Math.round(BOTTOM * scale),
});
const USUAL = marginsAt(1);

const label = (x: object, y: object, align: object): Mark => ({
  type: 'text',
  encode: {
    enter: { font: { value: font }, fontWeight: { value: 420 }, align },
    update: { x, y, fontSize: { signal: 'text' }, text: { field: 'label' }, fill: { signal: 'faint' } },
  } as Mark['encode'],
});

/** A vertical line at the value of a signal, hidden below zero. */
const ruleAt = (signal: string, colour: string, dash: [number, number]): Mark => ({
  type: 'rule',
  encode: {
    update: {
      x: { signal: `floor(scale('x', ${signal})) + 0.5` },
      y: { signal: 'top' },
      y2: { signal: 'height - bottom' },
      stroke: { signal: colour },
      strokeDash: { value: dash },
      opacity: { signal: `${signal} < 0 ? 0 : 1` },
    },
  },
});

const from = (data: string) => ({ from: { data } });
const x = { scale: 'x', field: 'x' };
const y = (field: string) => ({ scale: 'y', field });

/** Grid, the part of the run still to come, and the labels of both axes. */
const backgroundMarks = (): Mark[] => [
  {
    type: 'rule',
    ...from('y_ticks'),
    encode: {
      update: {
        x: { signal: 'left' },
        x2: { signal: `width - ${RIGHT}` },
        y: { signal: `round(scale('y', datum.y)) + 0.5` },
        stroke: { signal: 'grid' },
      },
    },
  },
  {
    type: 'rect',
    encode: {
      update: {
        x: { signal: `scale('x', newest)` },
        x2: { signal: `width - ${RIGHT}` },
        y: { signal: 'top' },
        y2: { signal: 'height - bottom' },
        fill: { signal: 'future' },
        opacity: { signal: 'newest < x_top ? 0.35 : 0' },
      },
    },
  },
  {
    ...label({ signal: 'left - 5' }, { scale: 'y', field: 'y', offset: 4 }, { value: 'right' }),
    ...from('y_ticks'),
  },
  {
    ...label({ scale: 'x', field: 'x' }, { signal: 'height - bottom + 17 * bottom / 24' }, { field: 'align' }),
    ...from('x_ticks'),
  },
];

/** Band, noisy curve, the second run dashed, main curve and its dots. */
const curveMarks = (): Mark[] => [
  {
    type: 'area',
    ...from('band'),
    encode: {
      update: { x, y: y('high'), y2: y('low'), fill: { signal: 'faint' }, opacity: { value: 0.25 } },
    },
  },
  {
    type: 'line',
    ...from('soft'),
    encode: { update: { x, y: y('y'), stroke: { signal: 'faint' }, strokeWidth: { value: 1.3 } } },
  },
  {
    type: 'line',
    ...from('second'),
    encode: {
      update: {
        x,
        y: y('y'),
        stroke: { signal: 'ink' },
        strokeWidth: { value: 1.3 },
        strokeDash: { value: [4, 3] },
        defined: { signal: 'isValid(datum.y)' },
      },
    },
  },
  {
    type: 'line',
    ...from('main'),
    encode: {
      update: {
        x,
        y: y('y'),
        stroke: { signal: 'ink' },
        strokeWidth: { value: 1.5 },
        interpolate: { signal: `datum.stepped ? 'step-after' : 'linear'` },
        defined: { signal: 'isValid(datum.y)' },
      },
    },
  },
  {
    type: 'symbol',
    ...from('dots'),
    encode: { update: { x, y: y('y'), size: { value: 8 }, fill: { signal: 'ink' } } },
  },
];

/** A chart of curves along the run. `log` is the only thing that needs another specification. */
export function curves(log: boolean): Spec {
  return {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    width: 400,
    height: 168,
    padding: 0,
    autosize: 'none',
    background: undefined,
    signals: [
      ...Object.keys(COLOURS).map((name) => ({ name, value: 'grey' })),
      { name: 'x_top', value: 1 },
      { name: 'y_low', value: log ? 0.1 : 0 },
      { name: 'y_high', value: 1 },
      { name: 'newest', value: 0 },
      { name: 'before', value: -1 },
      { name: 'divergedAt', value: -1 },
      { name: 'left', value: LEFT },
      { name: 'top', value: TOP },
      { name: 'bottom', value: BOTTOM },
      { name: 'text', value: 11 },
    ],
    data: ['band', 'soft', 'main', 'dots', 'second', 'x_ticks', 'y_ticks'].map((name) => ({
      name,
      values: [],
    })),
    scales: [
      {
        name: 'x',
        type: 'linear',
        domain: [0, { signal: 'x_top' }],
        range: [{ signal: 'left' }, { signal: `width - ${RIGHT}` }],
        zero: false,
      },
      {
        name: 'y',
        type: log ? 'log' : 'linear',
        domain: [{ signal: 'y_low' }, { signal: 'y_high' }],
        range: [{ signal: 'height - bottom' }, { signal: 'top' }],
        zero: false,
        clamp: true,
      },
    ],
    marks: [
      ...backgroundMarks(),
      ...curveMarks(),
      ruleAt('divergedAt', 'diverged_colour', [3, 2]),
      ruleAt('before', 'before_colour', [2, 3]),
    ],
  };
}

/** Pixel position of a value along the run in a chart of this width, as the specification's scale computes it. */
export const xAt = (value: number, top: number, width: number, { left } = USUAL): number =>
  left + (value / top) * (width - RIGHT - left);

/** The same for a value; null where there is none. A logarithmic axis has no place for what is not above zero. */
export function yAt(
  value: number | null,
  axis: { low: number; high: number; log: boolean },
  height: number,
  { top, bottom } = USUAL,
): number | null {
  if (value === null || !Number.isFinite(value) || (axis.log && value <= 0)) return null;
  const { low, high } = axis;
  const share = axis.log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  const foot = height - bottom;
  return foot - (foot - top) * Math.max(0, Math.min(1, share));
}

export interface Tick {
  label: string;
}

/** Ticks along the run: `epoch 0`, 2, 4, … The ends are turned inwards so that nothing is cut. */
export function xTicks(top: number, max: number, unit: string, print: (value: number) => string) {
  return roundTicks(top, max).map((x) => ({
    x,
    label: x === 0 ? `${unit} 0` : x < 1 || top < 4 || !Number.isInteger(x) ? String(x) : print(x),
    align: x === 0 ? 'left' : x > top * 0.985 ? 'right' : 'center',
  }));
}
