// What a filter matches in the other run, in words. Pure.
import type { MatchedUnits } from '../../../api/types';
import { fixed } from '../../../base/format';

export type Matching = Pick<MatchedUnits, 'layer' | 'b_layer' | 'pairs' | 'unmatched' | 'silent'>;

/** `matches B’s conv2 12, r 0.83`; empty where the filter is none of these layers. */
export function matchWords(
  found: Matching | null | undefined,
  { layer, filter }: { layer: string; filter: number },
  of: 'a' | 'b',
): string {
  if (!found || layer !== (of === 'a' ? found.layer : found.b_layer)) return '';
  const [other, others, side] =
    of === 'a' ? (['b', found.b_layer, 0] as const) : (['a', found.layer, 1] as const);
  const name = other.toUpperCase();
  const pair = found.pairs.find((one) => one[of] === filter);
  if (pair) {
    const best = pair.mutual ? '' : ', not each other’s best';
    return `matches ${name}’s ${others} ${pair[other]}, r ${fixed(pair.correlation, 2)}${best}`;
  }
  if (found.silent[side].includes(filter)) return `constant over the images: matches none of ${name}`;
  const alone = found.unmatched[of].find(({ unit }) => unit === filter);
  if (!alone) return '';
  return alone.nearest === null
    ? `matches none of ${name}`
    : `matches none of ${name}; nearest ${others} ${alone.nearest}, r ${fixed(alone.correlation, 2)}`;
}
