/** Rules about the predictions of two runs: which errs less, on what, and whether that is more than noise. Pure. */
import type { ComparedErrors } from '../../../api/types';
import { formatCount, fixed, percent, plural } from '../../../base/format';
import { probabilityText } from '../../confusion/two/compared';
import type { TwoPicture } from './picture';
import { better, NAME, sentence, type TwoFacts, type TwoSentence, type SilentRule } from './tell';

/** Limit of cells that are named. */
const MAX_CELLS = 3;

type Cell = ComparedErrors['cells'][number];
type RuleResult = TwoSentence | SilentRule;

/** Decimals of a percentage: one image of a thousand is 0.1 %, so that from a thousand on a second one says something. */
const digitsOf = ({ images }: ComparedErrors): number => (images >= 1000 ? 2 : 1);
export const errorTexts = (errors: ComparedErrors): [string, string] => [
  percent(errors.error[0], digitsOf(errors)),
  percent(errors.error[1], digitsOf(errors)),
];

/** `2.35 points`: by how much the errors differ, without a sign. */
export const pointsApart = (errors: ComparedErrors): string =>
  `${fixed(100 * Math.abs(errors.error[0] - errors.error[1]), digitsOf(errors))} points`;

/** `between 3.7 points fewer and 0.2 more in A`: the interval of A less B. */
export function intervalWords({ difference_interval: [low, high] }: ComparedErrors): string {
  const [from, to] = [low, high].map((value) => fixed(Math.abs(value) * 100, 1));
  if (low >= 0) return `${from} to ${to} points more in A`;
  if (high <= 0) return `${to} to ${from} points fewer in A`;
  return `between ${from} points fewer and ${to} more in A`;
}

/** A bar for A and one for B, without a label: the sentence beside them says what they are. */
const pairOf = (a: number, b: number, text: (value: number) => string): TwoPicture => ({
  kind: 'bars',
  rows: [
    {
      label: '',
      values: [
        { of: 'a', value: a, text: text(a) },
        { of: 'b', value: b, text: text(b) },
      ],
    },
  ],
  max: Math.max(a, b) * 1.05 || 1,
});

export function errorRule(facts: TwoFacts, errors: ComparedErrors): TwoSentence {
  const [textA, textB] = errorTexts(errors);
  const apart = pointsApart(errors);
  const less = better(errors);
  const images = `${formatCount(errors.images)} ${errors.split} images`;
  const text =
    errors.only_a + errors.only_b === 0
      ? `A and B are right on the same images: both err on ${textA}`
      : less === null
        ? `No difference beyond noise: A errs on ${textA} of the ${errors.split} images, B on ${textB}`
        : less === 'a'
          ? `A errs on ${textA} of the ${errors.split} images, B on ${textB}: ${apart} less, more than noise`
          : `B errs on ${textB} of the ${errors.split} images, A on ${textA}: ${apart} less, more than noise`;
  const detail =
    errors.only_a + errors.only_b === 0
      ? `${images}, compared one by one.`
      : `Of ${images} ${formatCount(errors.only_a)} are right in A only, ${formatCount(errors.only_b)} in B only (McNemar’s exact test, p ${probabilityText(errors.p)}). ` +
        `The error is ${intervalWords(errors)} (95 % interval). ` +
        'This speaks of these two checkpoints on other such images, not of training again.';
  const chart = pairOf(errors.error[0], errors.error[1], (value) => percent(value, digitsOf(errors)));
  return sentence(facts, 'error', { text, detail, chart, link: { view: 'confusion' } });
}

const bySize = (errors: ComparedErrors) => (x: Cell, y: Cell) =>
  Math.abs(y.only_a - y.only_b) - Math.abs(x.only_a - x.only_b) ||
  x.p - y.p ||
  x.true_class * errors.classes.length + x.predicted - y.true_class * errors.classes.length - y.predicted;
const countsOf = ({ counts }: ComparedErrors, { true_class: i, predicted: j }: Cell) =>
  [counts.a[i][j], counts.b[i][j]] as const;

/** The confusions that differ most, each with its cell; or that none does. */
export function cellRules(facts: TwoFacts, errors: ComparedErrors): TwoSentence[] {
  const off = errors.cells.filter((cell) => cell.true_class !== cell.predicted).sort(bySize(errors));
  const { classes } = errors;
  const name = (cell: Cell) => `${classes[cell.true_class]} as ${classes[cell.predicted]}`;
  const linkOf = (cell: Cell) => ({
    view: 'confusion',
    options: { 'confusion.two': `${cell.true_class}-${cell.predicted}` },
  });
  const all = formatCount(classes.length ** 2);
  const entries = off.filter((cell) => cell.significant).slice(0, MAX_CELLS);
  if (entries.length)
    return entries.map((cell) => {
      const [a, b] = countsOf(errors, cell);
      return sentence(facts, `cell-${cell.true_class}-${cell.predicted}`, {
        text: `${name(cell)}: ${formatCount(a)} in A, ${formatCount(b)} in B, more than noise`,
        detail:
          `${plural(cell.only_a, 'image')} in A only, ${formatCount(cell.only_b)} in B only; p ${probabilityText(cell.p)}, ` +
          `which holds at 5 % false discoveries over all ${all} cells.`,
        chart: pairOf(a, b, formatCount),
        link: linkOf(cell),
      });
    });
  const largest = off[0];
  if (!largest || largest.only_a === largest.only_b) return [];
  const [a, b] = countsOf(errors, largest);
  return [
    sentence(facts, 'cells', {
      text: 'No two classes are confused more in one than in the other, beyond noise',
      detail: `The largest difference is ${name(largest)}: ${formatCount(a)} in A, ${formatCount(b)} in B (p ${probabilityText(largest.p)}, one of ${all} cells).`,
      chart: pairOf(a, b, formatCount),
      link: linkOf(largest),
    }),
  ];
}

/** The classes that one of the two recognises better. */
export function recallRule(facts: TwoFacts, errors: ComparedErrors): RuleResult {
  const found = errors.cells
    .filter((cell) => cell.true_class === cell.predicted && cell.significant)
    .sort(bySize(errors))
    .slice(0, MAX_CELLS);
  if (!found.length) return { id: 'classes', reason: 'no class is recognised better by one, beyond noise' };
  const of = (side: 'a' | 'b') =>
    found
      .filter((cell) => (side === 'a') === cell.only_a > cell.only_b)
      .map((cell) => errors.classes[cell.true_class]);
  const text = (['a', 'b'] as const).flatMap((side) =>
    of(side).length ? [`${NAME[side]} recognises more of ${of(side).join(', ')}`] : [],
  );
  const total = (cell: Cell) => errors.counts.a[cell.true_class].reduce((sum, value) => sum + value, 0);
  return sentence(facts, 'classes', {
    text: text.join('; '),
    detail: found
      .map((cell) => {
        const [a, b] = countsOf(errors, cell);
        return `${errors.classes[cell.true_class]}: ${formatCount(a)} in A, ${formatCount(b)} in B of ${formatCount(total(cell))}, p ${probabilityText(cell.p)}`;
      })
      .join('; '),
    chart: {
      kind: 'bars',
      rows: found.map((cell) => ({
        label: errors.classes[cell.true_class],
        values: (['a', 'b'] as const).map((side, n) => {
          const value = countsOf(errors, cell)[n] / Math.max(1, total(cell));
          return { of: side, value, text: percent(value, 0) };
        }),
      })),
      max: 1,
    },
    link: {
      view: 'confusion',
      options: { 'confusion.two': `${found[0].true_class}-${found[0].predicted}` },
    },
  });
}

/** From this factor over the number expected by chance on, common errors are reported. */
const MORE_THAN_CHANCE = 1.5;

/** Whether the two err on the same images. */
export function sameImagesRule(facts: TwoFacts, errors: ComparedErrors): RuleResult {
  const { neither, only_a, only_b, images } = errors;
  const either = neither + only_a + only_b;
  if (!either || !(only_a + only_b)) return { id: 'images', reason: 'both are right on the same images' };
  const mostly = neither >= either / 2;
  const chance = Math.round(errors.error[0] * errors.error[1] * images);
  const partly = neither > MORE_THAN_CHANCE * chance;
  return sentence(facts, 'images', {
    text: mostly
      ? `They err on the same images: of ${formatCount(either)} that either gets wrong, both get ${formatCount(neither)} wrong`
      : partly
        ? `They err partly on the same images: of ${formatCount(either)} that either gets wrong, both get ${formatCount(neither)} wrong`
        : `They err on different images: of ${formatCount(either)} that either gets wrong, both get only ${formatCount(neither)} wrong`,
    detail:
      `Were their errors unrelated, it would be about ${formatCount(chance)}. At least one is right on ` +
      `${percent(1 - neither / images, 1)} of the images, the better one alone on ${percent(1 - Math.min(...errors.error), 1)}.`,
    chart: {
      kind: 'bars',
      rows: [
        { label: 'only A wrong', values: [{ of: 'both', value: only_b, text: formatCount(only_b) }] },
        { label: 'only B wrong', values: [{ of: 'both', value: only_a, text: formatCount(only_a) }] },
        { label: 'both wrong', values: [{ of: 'both', value: neither, text: formatCount(neither) }] },
      ],
      max: Math.max(only_a, only_b, neither) * 1.05,
    },
    link: { view: 'confusion' },
  });
}
