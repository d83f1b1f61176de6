/** The life of a layer's units: rows and columns of the chart, their order, deaths and returns. Pure. */
import type { ActivityHistory, Health } from '../../../api/types';
import { percent } from '../../../base/format';

/** Each unit of a layer at every checkpoint with statistics. */
export interface Life {
  layer: string;
  /** Whether each unit has one value per image, so that its share is of images; else it is of positions. */
  isFlat: boolean;
  units: number;
  checkpoints: readonly number[];
  /** States by column (checkpoint with statistics), then by unit. */
  health: readonly (readonly Health[])[];
  shares: readonly (readonly number[])[];
}

export function lifeOf(
  layer: string,
  isFlat: boolean,
  history: Pick<ActivityHistory, 'checkpoints' | 'health' | 'active' | 'zeros'>,
): Life {
  return {
    layer,
    isFlat,
    units: history.health[0]?.length ?? 0,
    checkpoints: history.checkpoints,
    health: history.health,
    shares: isFlat ? history.active : history.zeros.map((zeros) => zeros.map((share) => 1 - share)),
  };
}

/** How much trouble a unit had: numbers of checkpoints, and the last column at which it was dead (-1: none). */
export interface Trouble {
  dead: number;
  lastDeath: number;
  atRisk: number;
  revived: number;
}

export function troubles({ units, health }: Pick<Life, 'units' | 'health'>): Trouble[] {
  const out = Array.from({ length: units }, () => ({ dead: 0, lastDeath: -1, atRisk: 0, revived: 0 }));
  health.forEach((states, column) =>
    states.forEach((state, unit) => {
      const of = out[unit];
      if (state === 'dead') {
        of.dead += 1;
        of.lastDeath = column;
      } else if (state === 'at_risk') of.atRisk += 1;
      else if (state === 'revived') of.revived += 1;
    }),
  );
  return out;
}

export const wasTroubled = (of: Trouble): boolean => of.dead + of.atRisk + of.revived > 0;

export type Order = 'trouble' | 'number';

/** The units from top to bottom: most dead checkpoints, then last death, then checkpoints at risk. */
export function orderOf(of: readonly Trouble[], order: Order): number[] {
  const units = of.map((_, unit) => unit);
  if (order === 'number') return units;
  return units.sort(
    (a, b) =>
      of[b].dead - of[a].dead || of[b].lastDeath - of[a].lastDeath || of[b].atRisk - of[a].atRisk || a - b,
  );
}

/** Heights of rows in pixels: of units that had trouble, which show their number, and of the others, thin lines. */
export const ROW = 9;
export const THREAD = 2;

/** Tops of the rows, and the end of the last one. */
export function rowTops(units: readonly number[], of: readonly Trouble[], scale = 1): number[] {
  const tops = [0];
  for (const unit of units) tops.push(tops[tops.length - 1] + scale * (wasTroubled(of[unit]) ? ROW : THREAD));
  return tops;
}

const MAX_SCALE = 3;

/** How many times as high rows are: as the chart has room, and at least so that large text fits into a row. */
export function rowScale(total: number, height: number, text: number): number {
  const min = text > 1.2 ? 2 : 1;
  return Math.max(min, Math.min(MAX_SCALE, Math.floor(height / Math.max(1, total))));
}

/** Index of the row at a height; -1 outside. */
export function rowAt(tops: readonly number[], y: number): number {
  if (y < 0 || y >= tops[tops.length - 1]) return -1;
  let [low, high] = [0, tops.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (tops[middle] <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Columns of equal whole width; where there are more checkpoints than room, several share one. */
export interface Columns {
  count: number;
  width: number;
  /** Checkpoints in a column. */
  each: number;
}

const NARROWEST = 2;
const WIDEST = 40;

export function columnsIn(width: number, checkpoints: number): Columns {
  const maxColumns = Math.max(1, Math.floor(width / NARROWEST));
  const each = Math.max(1, Math.ceil(checkpoints / maxColumns));
  const count = Math.ceil(checkpoints / each);
  return { count, each, width: Math.max(NARROWEST, Math.min(WIDEST, Math.floor(width / Math.max(1, count)))) };
}

/** What is shown where several checkpoints share a column. */
const SEVERITY: Record<Health, number> = { alive: 0, at_risk: 1, revived: 2, dead: 3 };

/** The checkpoint that represents a column: the first with the worst state. */
export function worstOf(life: Life, unit: number, column: number, each: number): number {
  const start = column * each;
  let worst = start;
  for (let i = start + 1; i < Math.min(life.checkpoints.length, start + each); i++)
    if (SEVERITY[life.health[i][unit]] > SEVERITY[life.health[worst][unit]]) worst = i;
  return worst;
}

/** How dark a living unit is, 0..1: by the square root, so that rare activity is seen. */
export const darkness = (share: number): number =>
  Number.isFinite(share) ? 0.12 + 0.88 * Math.sqrt(Math.min(1, Math.max(0, share))) : 0;

/** Column of a checkpoint; between two columns where it has no statistics. */
export function columnOf(checkpoints: readonly number[], checkpoint: number): number {
  const next = checkpoints.findIndex((one) => one >= checkpoint);
  if (next < 0) return checkpoints.length - 0.5;
  return checkpoints[next] === checkpoint ? next : next - 0.5;
}

/** A unit died or came back between one checkpoint with statistics and the next. */
export interface Turn {
  layer: string;
  unit: number;
  kind: 'death' | 'return';
  /** Null: dead from the first column on. */
  from: number | null;
  at: number;
}

/** What became of a unit at a column; null where it neither died nor came back there. */
export function turnAt(life: Life, unit: number, column: number): Turn | null {
  const isDead = (c: number) => life.health[c]?.[unit] === 'dead';
  const [now, before] = [isDead(column), isDead(column - 1)];
  if (now === before || column < 0) return null;
  return {
    layer: life.layer,
    unit,
    kind: now ? 'death' : 'return',
    from: life.checkpoints[column - 1] ?? null,
    at: life.checkpoints[column],
  };
}

/** A time during which a unit was dead. */
export interface Spell {
  layer: string;
  unit: number;
  death: Turn;
  /** Null: dead to the newest column. */
  back: Turn | null;
}

export function spellsOf(life: Life): Spell[] {
  const out: Spell[] = [];
  for (let unit = 0; unit < life.units; unit++) {
    let wasDead = false;
    for (let column = 0; column < life.checkpoints.length; column++) {
      const isDead = life.health[column]?.[unit] === 'dead';
      const turn = isDead === wasDead ? null : turnAt(life, unit, column);
      wasDead = isDead;
      if (turn?.kind === 'death') out.push({ layer: life.layer, unit, death: turn, back: null });
      else if (turn) out[out.length - 1].back = turn;
    }
  }
  return out;
}

/** Computes once for each object: layers arrive one by one and do not change afterwards. */
export function once<K extends object, V>(compute: (key: K) => V): (key: K) => V {
  const known = new WeakMap<K, V>();
  return (key) => {
    const before = known.get(key);
    if (before !== undefined) return before;
    const value = compute(key);
    known.set(key, value);
    return value;
  };
}

const spellsOnce = once(spellsOf);

/** Of all layers, the first death first. */
export const spellsOfAll = (lives: readonly Life[]): Spell[] =>
  lives
    .flatMap((life, n) => spellsOnce(life).map((spell) => ({ spell, n })))
    .sort((a, b) => a.spell.death.at - b.spell.death.at || a.n - b.n || a.spell.unit - b.spell.unit)
    .map(({ spell }) => spell);

export const spellKey = ({ layer, unit, death }: Spell): string => `${layer}/${unit}/${death.at}`;

/** The layer with most units that were ever dead; null where none was. */
export function layerWithMostDead(lives: readonly Life[]): string | null {
  let [best, max]: [string | null, number] = [null, 0];
  for (const life of lives) {
    const dead = troubles(life).filter((one) => one.dead > 0).length;
    if (dead > max) [best, max] = [life.layer, dead];
  }
  return best;
}

/** The checkpoint to open a unit at: before it died, where it is dead; else the one under the pointer. */
export function openAt(life: Life, unit: number, column: number): number {
  let at = column;
  while (at > 0 && life.health[at][unit] === 'dead') at -= 1;
  return life.checkpoints[life.health[at]?.[unit] === 'dead' ? column : at];
}

/** The next cell for a key; null where it is none of the chart's. */
export function moved(
  { row, column }: { row: number; column: number },
  key: string,
  rows: number,
  columns: number,
): { row: number; column: number } | null {
  const to: Record<string, [number, number]> = {
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    ArrowLeft: [row, Math.ceil(column) - 1],
    ArrowRight: [row, Math.floor(column) + 1],
    PageUp: [row - 10, column],
    PageDown: [row + 10, column],
    Home: [0, column],
    End: [rows - 1, column],
  };
  if (!(key in to)) return null;
  const within = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
  return { row: within(to[key][0], rows), column: within(to[key][1], columns) };
}

const STATES: Record<Health, string> = {
  alive: 'alive',
  at_risk: 'at risk',
  dead: 'dead',
  revived: 'alive again',
};
export const stateWord = (state: Health | undefined): string => (state ? STATES[state] : 'no statistics');

/** `0.42 % of images`: more digits where there is little. */
export const shareWords = (life: Life, share: number): string =>
  `${percent(share, share < 0.1 ? 2 : 1)} of ${life.isFlat ? 'images' : 'positions'}`;

/** `dead at 5 (inputs), alive again at 14 (weights)`. */
export function spellWords({ death, back }: Spell, cause: (turn: Turn) => string): string {
  const text = (turn: Turn) => {
    const word = cause(turn);
    return `${turn.at}${word ? ` (${word})` : ''}`;
  };
  const died = `dead ${death.from === null ? 'from ' : 'at '}${text(death)}`;
  return back ? `${died}, alive again at ${text(back)}` : `${died}, and still`;
}
