/** Rules about what is inside two networks: do their layers and filters see the same? Pure. */
import type { MatchedUnits } from '../../../api/types';
import { formatCount, fixed, plural } from '../../../base/format';
import { counterpart, type ComparedLayers } from '../../common/runs/layers';
import { sentence, type TwoFacts, type TwoSentence, type SilentRule } from './tell';

type RuleResult = TwoSentence | SilentRule;

/** CKA from which on two layers count as alike, and below which they count as different. */
const SAME = 0.8;
const OTHERWISE = 0.5;
/** A correlation at which each of two units accounts for a quarter of the other's variance. */
const STRONG = 0.5;

export interface OppositeLayer {
  a: string;
  b: string;
  cka: number;
  interval: readonly [number, number] | null;
}

/** Every layer of A with the one opposite, as the other views pair them. */
export function oppositeLayers(layers: ComparedLayers): OppositeLayer[] {
  return layers.a.flatMap((a, n) => {
    const b = counterpart(layers, a, '');
    const at = b === null ? -1 : layers.b.indexOf(b);
    const cka = layers.cka[n]?.[at] ?? null;
    const interval = layers.cka_interval[n]?.[at] ?? null;
    return b === null || cka === null ? [] : [{ a, b, cka, interval: interval && [interval[0], interval[1]] }];
  });
}

const ckaText = ({ a, b, cka, interval }: OppositeLayer): string =>
  `${a === b ? a : `${a} and ${b}`} ${fixed(cka, 2)}${interval ? ` (${fixed(interval[0], 2)} to ${fixed(interval[1], 2)})` : ''}`;
const named = ({ a, cka }: OppositeLayer): string => `${a}, CKA ${fixed(cka, 2)}`;

export function layersRule(facts: TwoFacts, layers: ComparedLayers): RuleResult {
  const pairs = oppositeLayers(layers);
  if (!pairs.length) return { id: 'layers', reason: 'no layer of A can be compared with one of B' };
  const [first, last] = [pairs[0], pairs[pairs.length - 1]];
  const mostAlike = pairs.reduce((x, y) => (y.cka > x.cka ? y : x));
  const leastAlike = pairs.reduce((x, y) => (y.cka < x.cka ? y : x));
  const range = `CKA ${fixed(leastAlike.cka, 2)} to ${fixed(mostAlike.cka, 2)}`;
  const overlap = mostAlike.interval && leastAlike.interval && mostAlike.interval[0] <= leastAlike.interval[1];
  const text =
    pairs.length === 1
      ? `The one layer that is compared: ${named(first)}`
      : leastAlike.cka >= SAME
        ? `All layers see much the same: ${range}`
        : mostAlike.cka < OTHERWISE
          ? `No layer sees the same in both: ${range}`
          : first.cka >= SAME && last.cka < OTHERWISE
            ? `The first layers see the same (${named(first)}), the last do not (${named(last)})`
            : overlap
              ? `The layers see about equally alike: ${range}`
              : `${mostAlike.a} sees most alike in both (CKA ${fixed(mostAlike.cka, 2)}), ${leastAlike.a} least (${fixed(leastAlike.cka, 2)})`;
  const entries = mostAlike === leastAlike ? [mostAlike] : [mostAlike, leastAlike];
  return sentence(facts, 'layers', {
    text,
    detail:
      `CKA is 1 where two layers hold the same up to rotation, about 0 where nothing. ${entries.map(ckaText).join(', ')}: ` +
      `95 % intervals, ${plural(layers.images, 'image')}.`,
    chart: {
      kind: 'bars',
      rows: pairs.map(({ a, cka }) => ({
        label: a,
        values: [{ of: 'both', value: Math.max(0, cka), text: fixed(cka, 2) }],
      })),
      max: 1,
    },
    link: { view: 'compare' },
  });
}

const mutualOf = (found: MatchedUnits) => found.pairs.filter((pair) => pair.mutual).length;
const mutualWords = (found: MatchedUnits) =>
  `${formatCount(mutualOf(found))} of ${formatCount(found.units[0])}`;
const shareOf = (found: MatchedUnits) => mutualOf(found) / Math.max(1, found.units[0]);

export function unitsRule(facts: TwoFacts, units: readonly MatchedUnits[]): RuleResult {
  if (!units.length) return { id: 'filters', reason: 'the filters of no layer could be matched' };
  const sum = (of: (found: MatchedUnits) => number) => units.reduce((total, found) => total + of(found), 0);
  const all = sum((found) => found.units[0]);
  const mutual = sum(mutualOf);
  const mostAlike = units.reduce((x, y) => (shareOf(y) > shareOf(x) ? y : x));
  const leastAlike = units.reduce((x, y) => (shareOf(y) < shareOf(x) ? y : x));
  const part = (found: MatchedUnits) => `${found.layer} (${mutualWords(found)})`;
  const text =
    mutual === all
      ? `All ${formatCount(all)} filters have their like in B`
      : `${formatCount(mutual)} of ${plural(all, 'filter')} of A find one in B, each the other’s best match` +
        (mostAlike === leastAlike ? '' : `: most in ${part(mostAlike)}, fewest in ${part(leastAlike)}`);
  const strong = sum((found) => found.pairs.filter((pair) => pair.correlation >= STRONG).length);
  return sentence(facts, 'filters', {
    text,
    detail:
      `${formatCount(strong)} correlate by ${STRONG} or more over ${plural(units[0].images, 'image')}. ` +
      `${formatCount(sum((found) => found.pairs.length))} match by more than chance, which alone is no sign of anything learned.`,
    chart: {
      kind: 'bars',
      rows: units.map((found) => ({
        label: found.layer,
        values: [{ of: 'both', value: shareOf(found), text: mutualWords(found) }],
      })),
      max: 1,
    },
    link: { view: 'filters', layer: mostAlike.layer },
  });
}
