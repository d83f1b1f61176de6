// The filters of two layers opposite each other: what they say, where their pictures come from. Pure.
import type { Layer, MatchedUnits, SheetGeometry, UnitPair } from '../../../api/types';
import { formatCount, fixed, plural } from '../../../base/format';
import type { Table } from '../../../state/exportData';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** How many filters of A find a counterpart in B, in a sentence or two. */
export function matchedWords(found: MatchedUnits): string {
  const { pairs, units, layer, b_layer } = found;
  const chance = fixed(found.chance, 2);
  if (!pairs.length)
    return `No filter of ${layer} has a counterpart in ${b_layer} of B that agrees by more than chance (${chance}).`;
  const mutual = pairs.filter((pair) => pair.mutual).length;
  const all = pairs.length === units[0] ? 'All' : `${formatCount(pairs.length)} of`;
  return (
    `${all} ${plural(units[0], 'filter')} of ${layer} find a counterpart among the ${formatCount(units[1])} of ${b_layer} in B by more ` +
    `than chance (${chance}), ${mutual === pairs.length ? 'all' : `${formatCount(mutual)} of them`} each other’s best. ` +
    `The median correlation is ${fixed(median(pairs.map((pair) => pair.correlation)), 2)}.`
  );
}

/** The layer of A to begin with: the chosen one where it is compared, else the first with weights. */
export function comparedLayer(
  names: readonly string[],
  chosen: string,
  layers: readonly Pick<Layer, 'name' | 'weight_shape'>[],
): string | null {
  if (names.includes(chosen)) return chosen;
  const weighted = layers.find(({ name, weight_shape }) => weight_shape && names.includes(name));
  return weighted?.name ?? names[0] ?? null;
}

/**
 * A filter is shown by its weights where these are a picture: of colours, or of one channel. Deeper weights of two runs
 * look at different channels and are not alike even where the filters are, so there the maps of one image stand
 * opposite each other.
 */
export function isShownByWeights(layer: Pick<Layer, 'sheet_shape' | 'inputs'>, input: string): boolean {
  if (!layer.sheet_shape) return false;
  const [, channels, height, width] = layer.sheet_shape;
  return height * width > 1 && (channels === 1 || (channels === 3 && layer.inputs[0] === input));
}

/** The tile of a filter in a picture of its layer. */
export function tileOf(sheet: SheetGeometry, filter: number): number {
  const at = sheet.filters.indexOf(filter);
  return sheet.rgb || sheet.channels.length <= 1 ? at : at < 0 ? -1 : at * sheet.columns;
}

export interface Dot {
  /** 0 to 1 along the axis; the height in dots above it. */
  at: number;
  level: number;
  pair: UnitPair;
}

/** Pairs as dots that pile up where they are as good as each other. */
export function dotsOf(pairs: readonly UnitPair[], bins: number): Dot[] {
  const levels = new Map<number, number>();
  return pairs.map((pair) => {
    const bin = Math.round(Math.min(1, Math.max(0, pair.correlation)) * bins);
    const level = levels.get(bin) ?? 0;
    levels.set(bin, level + 1);
    return { at: bin / bins, level, pair };
  });
}

export function matchedTables(found: MatchedUnits): Table[] {
  const { layer, b_layer } = found;
  const alone = (side: 'a' | 'b') =>
    found.unmatched[side].map(({ unit, nearest, correlation }) => [
      side.toUpperCase(),
      unit,
      nearest,
      correlation,
      found.silent[side === 'a' ? 0 : 1].includes(unit) ? 'yes' : 'no',
    ]);
  return [
    {
      name: `Matched, ${layer} and ${b_layer} of B`,
      head: ['filter of A', 'filter of B', 'correlation', 'each other’s best'],
      rows: found.pairs.map(({ a, b, correlation, mutual }) => [a, b, correlation, mutual ? 'yes' : 'no']),
    },
    {
      name: 'Unmatched',
      head: ['run', 'filter', 'nearest of the other', 'correlation', 'constant'],
      rows: [...alone('a'), ...alone('b')],
    },
  ];
}
