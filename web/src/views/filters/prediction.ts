/** The histogram of predicted classes as a Vega specification. Axis and order never change with the checkpoint. */
import type { Spec } from 'vega';
import { fixed } from '../../base/format';

export interface Bar {
  name: string;
  label: string;
  now: number;
  /** Negative when there is none to show. */
  before: number;
  value: string;
  best: boolean;
}

export function bars(input: {
  classes: readonly string[];
  shown: readonly number[];
  now: readonly number[] | null;
  before: readonly number[] | null;
  trueClass: number | null;
}): Bar[] {
  const { classes, shown, now, before, trueClass } = input;
  const best = now ? Math.max(...now) : Number.POSITIVE_INFINITY;
  return shown.map((k) => ({
    name: classes[k],
    label: k === trueClass ? `${classes[k]} ·` : classes[k],
    now: now?.[k] ?? 0,
    before: before?.[k] ?? -1,
    value: now ? fixed(now[k], 3) : '',
    best: now !== null && now[k] === best,
  }));
}

export const ROW = 18;

export const COLOURS = {
  ink: '--text-1',
  soft: '--text-2',
  faint: '--text-3',
  axis: '--line-strong',
  pinned: '--before',
  ground: '--surface-1',
};

const font = '"Inter DV", Inter, sans-serif';

export function spec(): Spec {
  const middle = { scale: 'y', field: 'name', band: 0.5 } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega/v6.json',
    width: 236,
    height: 180,
    padding: 0,
    autosize: 'none',
    background: undefined,
    signals: Object.keys(COLOURS).map((name) => ({ name, value: 'grey' })),
    data: [{ name: 'bars', values: [] }],
    scales: [
      { name: 'y', type: 'band', domain: { data: 'bars', field: 'name' }, range: 'height' },
      { name: 'x', type: 'linear', domain: [0, 1], range: [84, { signal: 'width - 42' }] },
    ],
    marks: [
      {
        type: 'text',
        from: { data: 'bars' },
        // The same class keeps its mark from checkpoint to checkpoint.
        key: 'name',
        encode: {
          enter: {
            font: { value: font },
            fontSize: { value: 12 },
            fontWeight: { value: 420 },
            baseline: { value: 'middle' },
            limit: { value: 78 },
          },
          update: {
            x: { value: 0 },
            y: middle,
            text: { field: 'name' },
            fill: { signal: 'datum.best ? ink : soft' },
          },
        },
      },
      {
        type: 'rect',
        from: { data: 'bars' },
        key: 'name',
        encode: {
          enter: { height: { value: 10 } },
          // Both ends in one set: Vega takes a bar's width from them together.
          update: {
            yc: middle,
            x: { scale: 'x', value: 0 },
            x2: { scale: 'x', field: 'now' },
            fill: { signal: 'datum.best ? ink : faint' },
          },
        },
      },
      {
        type: 'rule',
        encode: {
          enter: { x: { scale: 'x', value: 0 }, y: { value: 0 }, strokeWidth: { value: 1 } },
          update: { y2: { signal: 'height' }, stroke: { signal: 'axis' } },
        },
      },
      {
        type: 'rect',
        from: { data: 'bars' },
        key: 'name',
        encode: {
          enter: { width: { value: 3 }, height: { value: 12 }, strokeWidth: { value: 1 } },
          update: {
            xc: { scale: 'x', field: 'before' },
            yc: middle,
            fill: { signal: 'ground' },
            stroke: { signal: 'pinned' },
            opacity: { signal: 'datum.before < 0 ? 0 : 1' },
          },
        },
      },
      {
        type: 'text',
        from: { data: 'bars' },
        key: 'name',
        encode: {
          enter: {
            font: { value: font },
            fontSize: { value: 12 },
            fontWeight: { value: 420 },
            baseline: { value: 'middle' },
            align: { value: 'right' },
          },
          update: {
            x: { signal: 'width' },
            y: middle,
            text: { field: 'value' },
            fill: { signal: 'datum.best ? ink : soft' },
          },
        },
      },
    ],
  } as Spec;
}
