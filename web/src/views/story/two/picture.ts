/** Pictures of sentences about two runs: bars and curves, the same for the list, the slide and paper. Pure. */
import { percent } from '../../../base/format';
import type { Frame } from '../../common/story/picture';

/** A is filled and solid, B hollow and dashed, both with their letter; what belongs to both is grey. */
export type Of = 'a' | 'b' | 'both';

export interface Bars {
  kind: 'bars';
  rows: { label: string; values: { of: Of; value: number; text: string }[] }[];
  /** The value that fills the width. */
  max: number;
}

export interface TwoCurves {
  kind: 'curves';
  unit: 'epoch' | 'step';
  lines: { of: 'a' | 'b'; points: { x: number; y: number }[] }[];
  /** The error that both are compared with. */
  target: number;
  /** Where each reached it first. */
  marks: { of: 'a' | 'b'; x: number }[];
}

export type TwoPicture = Bars | TwoCurves;

/** The picture with B in place of A: its bars come first, its curve is drawn over A's. */
export function withBInFront(picture: TwoPicture): TwoPicture {
  if (picture.kind === 'curves') return { ...picture, lines: [...picture.lines].sort(bLast) };
  const bFirst = <T extends { of: Of }>(values: readonly T[]): T[] => {
    const places = values.flatMap(({ of }, n) => (of === 'both' ? [] : [n]));
    const ordered = places.map((n) => values[n]).sort((x, y) => bLast(y, x));
    return values.map((one, n) => (places.includes(n) ? ordered[places.indexOf(n)] : one));
  };
  return { ...picture, rows: picture.rows.map((row) => ({ ...row, values: bFirst(row.values) })) };
}
const bLast = (x: { of: Of }, y: { of: Of }): number => Number(x.of === 'b') - Number(y.of === 'b');

/** Width of a letter, as a share of the text's size. */
const LETTER = 0.56;

export interface DrawnBar {
  of: Of;
  y: number;
  width: number;
  height: number;
  text: string;
  /** Label of its row; null for the second bar of a row, and where there is no room. */
  label: string | null;
}

export interface BarsLayout {
  /** Where the bars begin, and their greatest width. */
  x: number;
  width: number;
  text: number;
  height: number;
  bars: DrawnBar[];
}

const cut = (text: string, letters: number): string =>
  text === '' || text.length <= letters ? text : `${text.slice(0, Math.max(1, letters - 1))}…`;

type Value = Bars['rows'][number]['values'][number];
const labelOf = (one: Value): string => (one.of === 'both' ? one.text : `${one.of.toUpperCase()} ${one.text}`);

export function layoutBars({ rows, max }: Bars, frame: Frame): BarsLayout {
  const values = rows.flatMap((row) => row.values);
  const gap = frame.text * 0.3;
  const rowsHeight = frame.height - (rows.length - 1) * gap;
  const pitch = Math.min(frame.text * 2.2, rowsHeight / Math.max(1, values.length));
  // Rows that are too close for words have none but the first and the last.
  const min = frame.text * 0.75;
  const crowded = pitch * 0.95 < min;
  const text = crowded ? min : Math.min(frame.text, pitch * 0.95);
  const letter = text * LETTER;
  const longest = Math.max(...rows.map((row) => row.label.length), 0);
  const labels = longest ? Math.min(frame.width * 0.36, longest * letter + text) : 0;
  const entries = Math.max(...values.map((one) => labelOf(one).length), 1) * letter + text * 0.6;
  const width = Math.max(8, frame.width - labels - entries);
  const bars: DrawnBar[] = [];
  let y = 0;
  rows.forEach((row, n) => {
    if (n > 0) y += gap;
    const isNamed = !crowded || n === 0 || n === rows.length - 1;
    row.values.forEach((one, at) => {
      bars.push({
        of: one.of,
        y,
        width: Math.max(1, (width * Math.min(max, Math.max(0, one.value))) / (max || 1)),
        height: Math.max(2, Math.round(pitch * 0.72)),
        text: isNamed ? labelOf(one) : '',
        label: at === 0 && isNamed ? cut(row.label, Math.floor((labels - text * 0.5) / letter)) : null,
      });
      y += pitch;
    });
  });
  return { x: labels, width, text, height: Math.ceil(y), bars };
}

export interface CurvesLayout {
  plot: { width: number; height: number };
  lines: { of: 'a' | 'b'; d: string; end: { y: number; text: string } }[];
  target: number;
  marks: { of: 'a' | 'b'; x: number }[];
  top: string;
  from: string;
  to: string;
}

export function layoutTwoCurves({ lines, target, marks, unit }: TwoCurves, frame: Frame): CurvesLayout {
  const { text } = frame;
  const plot = {
    width: Math.floor(frame.width - text * LETTER * 9),
    height: Math.floor(frame.height - text - 6),
  };
  const all = lines.flatMap((line) => line.points);
  const max = Math.max(...all.map((one) => one.x), 1e-9);
  const high = Math.min(1, Math.max(...all.map((one) => one.y), 1e-9) * 1.05);
  const x = (value: number) => (plot.width * value) / max;
  const y = (value: number) => plot.height * (1 - Math.min(1, Math.max(0, value / high)));
  const drawn = lines.map(({ of, points }) => {
    const last = points[points.length - 1];
    return {
      of,
      d: points.map((one, n) => `${n ? 'L' : 'M'}${x(one.x).toFixed(1)},${y(one.y).toFixed(1)}`).join(''),
      end: { y: y(last.y) + text * 0.36, text: `${of === 'a' ? 'A' : 'B'} ${percent(last.y, 1)}` },
    };
  });
  // Two ends that lie on each other are moved apart.
  const [upper, lower] = [...drawn].sort((p, q) => p.end.y - q.end.y);
  if (lower && lower.end.y - upper.end.y < text * 1.1) {
    const middle = Math.min((upper.end.y + lower.end.y) / 2, plot.height - text * 0.2);
    upper.end.y = middle - text * 0.55;
    lower.end.y = middle + text * 0.55;
  }
  const whole = (value: number) => value.toFixed(1).replace(/\.0$/, '');
  return {
    plot,
    lines: drawn,
    target: y(target),
    marks: marks.map(({ of, x: at }) => ({ of, x: x(at) })),
    top: percent(high, 0),
    from: `${unit} 0`,
    to: unit === 'epoch' ? whole(max) : String(Math.round(max)),
  };
}
