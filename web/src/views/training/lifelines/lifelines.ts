/**
 * Lifelines: how like its activations at the last checkpoint (its final self) each unit of a layer was at every
 * checkpoint. Rows, births (from where on it stays like that), splits, and the texts for them. Pure.
 */
import type { Lifeline, Lifelines, MatchedUnits } from '../../../api/types';
import { formatCount, fixed, plural } from '../../../base/format';

export type Order = 'birth' | 'number';

/** What the words need of the run: the epoch of a checkpoint, null where it has none. */
export type EpochOf = (checkpoint: number) => number | null;

/** The units from top to bottom. Those that never became their final selves come last, the first to die before others. */
export function orderOf(units: readonly Lifeline[], order: Order): number[] {
  const all = [...units];
  const late = (value: number | null) => value ?? Infinity;
  // Infinity less Infinity is NaN, which a comparison takes for "equal" no more than for anything else.
  const by = (a: number, b: number) => (a === b ? 0 : a - b);
  if (order === 'birth')
    all.sort((a, b) => by(late(a.born), late(b.born)) || by(late(a.died), late(b.died)) || a.unit - b.unit);
  else all.sort((a, b) => a.unit - b.unit);
  return all.map(({ unit }) => unit);
}

/** The units that took over from each origin, where it is more than one: splits, the first birth first. */
export function splitsOf(units: readonly Lifeline[]): { origin: number; into: Lifeline[] }[] {
  const by = new Map<number, Lifeline[]>();
  for (const one of units)
    if (one.origin && one.born !== null) by.set(one.origin.unit, [...(by.get(one.origin.unit) ?? []), one]);
  return [...by]
    .filter(([, into]) => into.length > 1)
    .map(([origin, into]) => ({ origin, into: into.sort((a, b) => (a.born ?? 0) - (b.born ?? 0)) }))
    .sort((a, b) => (a.into[0].born ?? 0) - (b.into[0].born ?? 0) || a.origin - b.origin);
}

/** The unit's companions in a split; empty where it is in none. */
export const splitWith = (units: readonly Lifeline[], unit: Lifeline): number[] =>
  unit.origin === null
    ? []
    : units
        .filter((one) => one.unit !== unit.unit && one.origin?.unit === unit.origin?.unit)
        .map((one) => one.unit);

/** Where one unit took over from another: rows, and the column of the birth. */
export interface TakeOver {
  unit: number;
  from: number;
  /** Rows of the origin and of the unit. */
  rows: [number, number];
  column: number;
  /** Another unit took over from the origin, too. */
  isSplit: boolean;
}

export function takeOvers(found: Lifelines, order: readonly number[]): TakeOver[] {
  const rowOf = new Map(order.map((unit, row) => [unit, row]));
  const split = new Set(splitsOf(found.units).map(({ origin }) => origin));
  return found.units.flatMap(({ unit, born, origin }) => {
    const [from, to] = [rowOf.get(origin?.unit ?? -1), rowOf.get(unit)];
    const column = born === null ? -1 : found.checkpoints.indexOf(born);
    if (origin === null || from === undefined || to === undefined || column < 1) return [];
    return [{ unit, from: origin.unit, rows: [from, to], column, isSplit: split.has(origin.unit) }];
  });
}

/** The height of a row in whole pixels: so that all rows are visible, if their numbers then still fit. */
export const rowHeight = (height: number, units: number, scale: number): number =>
  Math.max(Math.ceil(12 * scale), Math.min(Math.round(18 * scale), Math.floor(height / Math.max(1, units))));

const NARROWEST = 2;
const WIDEST = 40;
export const columnWidth = (width: number, columns: number): number =>
  Math.max(NARROWEST, Math.min(WIDEST, Math.floor(width / Math.max(1, columns))));

export type CellState = 'constant' | 'dead' | number;

/** What a cell shows: a correlation, that the unit is dead from here on, or that it is constant. */
export function stateAt(found: Lifelines, unit: Lifeline, column: number): CellState {
  if (unit.died !== null && found.checkpoints[column] >= unit.died) return 'dead';
  return unit.to_last[column] ?? 'constant';
}

export const word = (found: Pick<Lifelines, 'grid'>): string =>
  found.grid[0] * found.grid[1] === 1 ? 'unit' : 'filter';

/** `checkpoint 5, epoch 1.0`. */
export function whenWords(checkpoint: number, epochOf: EpochOf): string {
  const epoch = epochOf(checkpoint);
  return `checkpoint ${checkpoint}${epoch === null ? '' : `, epoch ${fixed(epoch, 1)}`}`;
}

export function bornWords(found: Lifelines, unit: Lifeline, epochOf: EpochOf): string {
  if (unit.born === null) return 'never: constant at the last checkpoint';
  if (unit.born === found.checkpoints[0]) return `from the first, ${whenWords(unit.born, epochOf)}`;
  return whenWords(unit.born, epochOf);
}

/** `filter 7 (0.62), as did 3`. */
export function originWords(found: Lifelines, unit: Lifeline): string {
  if (!unit.origin) return '';
  const others = splitWith(found.units, unit);
  const text = `${word(found)} ${unit.origin.unit} (${fixed(unit.origin.correlation, 2)})`;
  return others.length ? `${text}, as did ${others.join(', ')}: a split` : text;
}

export const stateWords = (state: CellState): string =>
  state === 'dead' ? 'dead' : state === 'constant' ? 'constant' : fixed(state, 2);

/** The facts of a unit, at a column where there is one. */
export function cellRows(
  found: Lifelines,
  unit: Lifeline,
  column: number | null,
  epochOf: EpochOf,
): [string, string][] {
  const rows: [string, string][] = [];
  if (column !== null)
    rows.push([whenWords(found.checkpoints[column], epochOf), stateWords(stateAt(found, unit, column))]);
  rows.push(['born', bornWords(found, unit, epochOf)]);
  if (unit.origin) rows.push(['took over from', originWords(found, unit)]);
  if (unit.died !== null) rows.push(['dead from', whenWords(unit.died, epochOf)]);
  return rows;
}

/** What became of the layer, in a sentence. */
export function lifeWords(found: Lifelines, epochOf: EpochOf): string {
  const { units, checkpoints, images, split } = found;
  const born = units.flatMap((one) => (one.born === null ? [] : [one.born])).sort((a, b) => a - b);
  const parts = [
    `${plural(units.length, word(found))}, ${plural(checkpoints.length, 'checkpoint')}, ${formatCount(images)} ${split} images`,
  ];
  if (born.length) {
    const half = born[Math.ceil(born.length / 2) - 1];
    const last = born[born.length - 1];
    parts.push(
      half === last
        ? `all like their final selves by ${whenWords(last, epochOf)}`
        : `half like their final selves by ${whenWords(half, epochOf)}, all by ${last}`,
    );
  }
  const over = units.filter((one) => one.origin).length;
  const splits = splitsOf(units).length;
  if (over)
    parts.push(`${formatCount(over)} took over from another${splits ? `, ${plural(splits, 'split')}` : ''}`);
  const dead = units.filter((one) => one.died !== null).length;
  if (dead) parts.push(`${formatCount(dead)} dead at the end`);
  return parts.join(' · ');
}

/** A thing that happened to a unit, for the list. */
export interface LifeEvent {
  key: string;
  kind: 'split' | 'took over' | 'died';
  unit: number;
  at: number;
  says: string;
}

/** Splits, take-overs and deaths, the first first; a split comes with all of its units, one after the other. */
export function eventsOf(found: Lifelines, epochOf: EpochOf): LifeEvent[] {
  const splits = new Set(splitsOf(found.units).map(({ origin }) => origin));
  const events = found.units.flatMap((one): LifeEvent[] => {
    const out: LifeEvent[] = [];
    if (one.origin && one.born !== null) {
      const isSplit = splits.has(one.origin.unit);
      const others = splitWith(found.units, one);
      out.push({
        key: `over-${one.unit}`,
        kind: isSplit ? 'split' : 'took over',
        unit: one.unit,
        at: one.born,
        says:
          `took over from ${one.origin.unit} (${fixed(one.origin.correlation, 2)}) at ${whenWords(one.born, epochOf)}` +
          (isSplit ? `; ${one.origin.unit} split: so did ${others.join(', ')}` : ''),
      });
    }
    if (one.died !== null)
      out.push({
        key: `died-${one.unit}`,
        kind: 'died',
        unit: one.unit,
        at: one.died,
        says: `dead from ${whenWords(one.died, epochOf)} to the end`,
      });
    return out;
  });
  return events.sort((a, b) => a.at - b.at || a.unit - b.unit);
}

/** The unit of the second run beside one of the first. */
export interface Match {
  /** Null where the unit has none, or is constant. */
  b: number | null;
  correlation: number;
  kind: 'mutual' | 'matched' | 'unmatched' | 'constant';
}

export function matchesOf(found: MatchedUnits): Map<number, Match> {
  const all = new Map<number, Match>();
  for (const { unit, nearest, correlation } of found.unmatched.a)
    all.set(unit, {
      b: nearest,
      correlation,
      kind: found.silent[0].includes(unit) ? 'constant' : 'unmatched',
    });
  for (const { a, b, correlation, mutual } of found.pairs)
    all.set(a, { b, correlation, kind: mutual ? 'mutual' : 'matched' });
  return all;
}

/** `conv2 12 (0.84), each other’s best`. */
export function matchWords(match: Match | undefined, layer: string): string {
  if (!match) return 'not compared';
  const named = match.b === null ? '' : `${layer} ${match.b} (${fixed(match.correlation, 2)})`;
  if (match.kind === 'constant') return 'constant, matched with none';
  if (match.kind === 'unmatched') return `no partner of its own${named ? `; nearest ${named}` : ''}`;
  return `${named}${match.kind === 'mutual' ? ', each other’s best' : ', not its best'}`;
}
