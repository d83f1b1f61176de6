// The curves of a filter's history: the norm of its weights, how often it is active, its bias. Pure.
import type { LayerHistory } from '../../api/types';
import { fixed, percent, significant } from '../../base/format';

/** Height of a caption, with the room below it. */
export const CAPTION = 22;
/** Three curves need so much room; the bias is the one that can be done without. */
const ROOM_FOR_THREE = 164;

export interface Curve {
  name: string;
  values: number[];
  /** Values of B at the aligned checkpoints; empty without a second run. */
  second: number[];
  top: number;
  bottom: number;
  low: number;
  high: number;
  print: (value: number) => string;
}

interface Of {
  filter: number;
  /** How often it is active; empty where there are no statistics of that. */
  active: number[];
  /** The history of the matched filter in the second run; empty without one. */
  second: Record<'norm' | 'bias' | 'active', number[]>;
  height: number;
}

export function historyCurves(
  { filters }: Pick<LayerHistory, 'filters'>,
  { filter, active, second, height }: Of,
): Curve[] {
  const of = (table: (number | null)[][] | undefined): number[] =>
    (table ?? []).map((row) => row[filter] ?? Number.NaN);
  const [norm, bias] = [of(filters.norm), of(filters.bias)];
  const max = Math.max(1e-9, ...[...norm, ...second.norm].filter(Number.isFinite));
  const out: Omit<Curve, 'top' | 'bottom'>[] = [
    {
      name: `norm of the weights, 0 … ${significant(max)}`,
      values: norm,
      second: second.norm,
      low: 0,
      high: max,
      print: (v) => fixed(v, 3),
    },
  ];
  if (active.some(Number.isFinite))
    out.push({
      name: 'active fraction, 0 … 100 %',
      values: active,
      second: second.active,
      low: 0,
      high: 1,
      print: (v) => percent(v, 0),
    });
  const known = height >= ROOM_FOR_THREE || out.length < 2 ? bias.filter(Number.isFinite) : [];
  if (known.length) {
    const all = [...known, ...second.bias.filter(Number.isFinite)];
    const reach = Math.max(1e-9, ...all.map(Math.abs));
    const scale = reach > 1e-9 ? `−${significant(reach)} … ${significant(reach)}` : '0 throughout';
    out.push({
      name: `bias, ${scale}`,
      values: bias,
      second: second.bias,
      low: -reach,
      high: reach,
      print: (v) => fixed(v, 4),
    });
  }
  // The caption of each stands above it.
  const part = Math.floor((height - 4) / Math.max(2, out.length));
  return out.map((one, n) => ({ ...one, top: part * n + CAPTION, bottom: part * (n + 1) - 6 }));
}
