/** Recommends which of the two runs to ship, and collects all sentences in order. Pure. */
import { percent, significant } from '../../../base/format';
import { costRule, isOneRun, isSeedAlone, moreParameters, settingsRule, soonerRule } from './course';
import {
  cellRules,
  errorRule,
  errorTexts,
  intervalWords,
  pointsApart,
  recallRule,
  sameImagesRule,
} from './errors';
import { layersRule, unitsRule } from './inside';
import { better, NAME, OTHER, sentence, type TwoFacts, type TwoSentence, type SilentRule } from './tell';

const smaller = (times: number) => `${percent(1 / times, 0)} of the parameters`;

function answer(facts: TwoFacts): string {
  const { errors } = facts;
  if (!errors) return 'Which to ship: the numbers do not say, for their errors cannot be compared';
  const less = better(errors);
  const size = moreParameters(facts);
  if (less === null) {
    if (!size) return 'Ship either: nothing beyond noise tells them apart in error or size';
    return `Ship ${NAME[OTHER[size.side]]}, the smaller: no difference in error beyond noise, ${smaller(size.times)}`;
  }
  const gain = `${pointsApart(errors)} less error`;
  if (!size) return `Ship ${NAME[less]}: ${gain} at the same size`;
  if (size.side !== less) return `Ship ${NAME[less]}: ${gain} with ${smaller(size.times)}`;
  return `Ship ${NAME[less]} if its size can be afforded: ${gain} for ${significant(size.times, 2)} times the parameters`;
}

/** The numbers behind the recommendation, and its limits. */
function reasons(facts: TwoFacts): string {
  const { errors, a, b } = facts;
  const growing = [a, b].flatMap((end, n) => (end.run.live ? [n === 0 ? 'A' : 'B'] : []));
  const parts: string[] = growing.length
    ? [`${growing.join(' and ')} still train${growing.length === 1 ? 's' : ''}.`]
    : [];
  if (errors) {
    const [textA, textB] = errorTexts(errors);
    parts.push(`Error ${textA} in A, ${textB} in B; ${intervalWords(errors)} (95 % interval).`);
  }
  const less = better(errors);
  if (isOneRun(facts)) parts.push('Both are checkpoints of one training.');
  else if (isSeedAlone(facts))
    parts.push(
      less === null
        ? 'They differ in their seed alone.'
        : `They differ in their seed alone: ${NAME[less]} is the better draw of one recipe, which says nothing of the recipe.`,
    );
  else
    parts.push(
      'One training of each: whether training again would give the same order is not known, since seeds of one recipe often differ by more than this calls noise.',
    );
  parts.push('Only test error and size are weighed: how fast they answer was not measured.');
  return parts.join(' ');
}

export const shipRule = (facts: TwoFacts): TwoSentence =>
  sentence(facts, 'ship', { text: answer(facts), detail: reasons(facts), link: { view: 'confusion' } });

const isTold = (one: TwoSentence | SilentRule): one is TwoSentence => 'text' in one;

/** All sentences in order, and the rules that found nothing to say. Rules whose data is not read yet are in neither. */
export function tell(facts: TwoFacts): { entries: TwoSentence[]; silent: SilentRule[] } {
  const { errors, layers, units } = facts;
  const all: (TwoSentence | SilentRule)[] = [
    ...(errors ? [errorRule(facts, errors), ...cellRules(facts, errors)] : []),
    ...(errors ? [recallRule(facts, errors), sameImagesRule(facts, errors)] : []),
    soonerRule(facts, errors?.images ?? null),
    costRule(facts),
    settingsRule(facts),
    ...(layers ? [layersRule(facts, layers)] : []),
    ...(units ? [unitsRule(facts, units)] : []),
  ];
  return { entries: all.filter(isTold), silent: all.filter((one): one is SilentRule => !isTold(one)) };
}
