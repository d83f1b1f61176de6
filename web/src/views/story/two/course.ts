/** Rules about how two runs were trained: which learned sooner, what it cost, in which settings they differ. Pure. */
import type { Checkpoint } from '../../../api/types';
import { formatCount, fixed, percent, plural, significant } from '../../../base/format';
import { differingSettings, settingName, settingText } from '../../runs/settings';
import type { TwoPicture } from './picture';
import { NAME, OTHER, sentence, type End, type TwoFacts, type TwoSentence, type SilentRule } from './tell';

type RuleResult = TwoSentence | SilentRule;

/** Numbers that differ by less are called the same. */
const ALIKE = 1.05;
/** Speeds vary by more from one start to the next. */
const ALIKE_TIME = 1.15;
const MAX_SETTINGS = 12;

type Point = Pick<Checkpoint, 'index' | 'epoch' | 'step' | 'test_error' | 'problem' | 'diverged'>;

/** Two checkpoints of one run have neither learned apart nor cost differently. */
export const isOneRun = ({ a, b }: Pick<TwoFacts, 'a' | 'b'>): boolean => a.run.id === b.run.id;
const ONE_RUN = 'both are checkpoints of one run';

/** Checkpoints with a test error, up to the one that the run is judged by. */
export const tested = ({ run, point }: End): (Point & { test_error: number })[] =>
  run.checkpoints.flatMap((one) =>
    one.index <= point.index && one.test_error !== null && !one.problem && !one.diverged
      ? [{ ...one, test_error: one.test_error }]
      : [],
  );

/** Half the width of the 95 % interval of an error that was measured on `images` images. */
export const errorHalfWidth = (error: number, images: number): number =>
  1.96 * Math.sqrt((error * (1 - error)) / Math.max(1, images));

/** Which of the two was first as good as the worse of both ends. */
export function soonerRule(facts: TwoFacts, images: number | null): RuleResult {
  if (isOneRun(facts)) return { id: 'learning', reason: ONE_RUN };
  const [a, b] = [tested(facts.a), tested(facts.b)];
  const [endA, endB] = [facts.a.point.test_error, facts.b.point.test_error];
  if (endA === null || endB === null || a.length < 3 || b.length < 3)
    return { id: 'learning', reason: 'the test error was not measured at three checkpoints of both' };
  const byEpoch = [...a, ...b].every((one) => one.epoch > 0 || one.step === 0);
  const at = (one: Point) => (byEpoch ? one.epoch : one.step);
  const word = (value: number) => (byEpoch ? `epoch ${fixed(value, 1)}` : `step ${formatCount(value)}`);
  // The run that ends worse sets the target.
  const owner = endA >= endB ? 'a' : 'b';
  const target = Math.max(endA, endB);
  const first = (points: typeof a) =>
    points.find((one) => one.test_error <= target) ?? points[points.length - 1];
  const reached = { a: at(first(a)), b: at(first(b)) };
  const [lastA, lastB] = [at(a[a.length - 1]), at(b[b.length - 1])];
  // Between two checkpoints nothing is known.
  const gap = Math.max(lastA / (a.length - 1), lastB / (b.length - 1));
  const soon = reached.a <= reached.b ? 'a' : 'b';
  const isSame = Math.abs(reached.a - reached.b) <= gap + 1e-9;
  // The error of the other run at that time: a difference between single checkpoints may be noise.
  const other = (soon === 'a' ? b : a).findLast((one) => at(one) <= reached[soon]);
  const isNoise =
    images !== null &&
    other !== undefined &&
    other.test_error - target <= Math.SQRT2 * errorHalfWidth(target, images);
  const end = { a: lastA, b: lastB };
  const good = percent(target, 1);
  const text =
    isSame || isNoise
      ? `Neither learns sooner beyond noise: ${good} at ${word(reached.a)} in A, ${word(reached.b)} in B`
      : soon === owner
        ? `${NAME[soon]} came to ${good} sooner, at ${word(reached[soon])}, but ends no better than that`
        : `${NAME[soon]} was as good as ${NAME[owner]} ends (${good}) already at ${word(reached[soon])} of ${fixed(end[soon], byEpoch ? 1 : 0).replace(/\.0$/, '')}`;
  const noise =
    images === null
      ? ''
      : ` A single checkpoint’s error is uncertain by ± ${fixed(100 * errorHalfWidth(target, images), 1)} points.`;
  return sentence(facts, 'learning', {
    text,
    detail:
      `First checkpoint with a test error of ${good} or less: ${word(reached.a)} in A, ${word(reached.b)} in B; ` +
      `they end at ${word(lastA)} and ${word(lastB)}.${noise}`,
    chart: {
      kind: 'curves',
      unit: byEpoch ? 'epoch' : 'step',
      lines: (['a', 'b'] as const).map((of) => ({
        of,
        points: (of === 'a' ? a : b).map((one) => ({ x: at(one), y: one.test_error })),
      })),
      target,
      marks: (['a', 'b'] as const).map((of) => ({ of, x: reached[of] })),
    },
    link: { view: 'training' },
  });
}

/** `6.2 minutes`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${fixed(seconds, 0)} seconds`;
  if (seconds < 5400) return `${fixed(seconds / 60, 1)} minutes`;
  return `${fixed(seconds / 3600, 1)} hours`;
}

/** A duration in short form, for pictures: `6.2 min`. */
const shortDuration = (seconds: number): string =>
  duration(seconds).replace('seconds', 's').replace('minutes', 'min').replace('hours', 'h');

/** How many times as much the greater is, and whose it is; null where they are alike or not known. */
export function more(
  a: number | null,
  b: number | null,
  alike: number,
): { side: 'a' | 'b'; times: number } | null {
  if (a === null || b === null || a <= 0 || b <= 0) return null;
  const side = a >= b ? 'a' : 'b';
  const times = Math.max(a, b) / Math.min(a, b);
  return times <= alike ? null : { side, times };
}
export const moreParameters = ({ a, b }: Pick<TwoFacts, 'a' | 'b'>) => more(a.parameters, b.parameters, ALIKE);
const timesText = (times: number) => `${significant(times, times < 10 ? 2 : 3)} times`;

/** Parameters, speed and time of training. */
export function costRule(facts: TwoFacts): RuleResult {
  if (isOneRun(facts)) return { id: 'cost', reason: ONE_RUN };
  const { a, b } = facts;
  const size = moreParameters(facts);
  // For two seeds of one recipe the times only show how busy the machine was.
  const isSameWork = isSeedAlone(facts) && a.point.images_seen === b.point.images_seen;
  const time = isSameWork ? null : more(a.seconds, b.seconds, ALIKE_TIME);
  const timed = a.seconds !== null && b.seconds !== null;
  const parts = [
    size
      ? `${NAME[size.side]} has ${timesText(size.times)} the parameters of ${NAME[OTHER[size.side]]}`
      : 'Both are of the same size',
    ...(time
      ? [`${size?.side === time.side ? 'and' : `${NAME[time.side]}`} trained ${timesText(time.times)} as long`]
      : isSameWork
        ? ['and saw as many images']
        : timed
          ? ['and trained about as long']
          : []),
  ];
  const [first, second] = parts;
  const text = second === undefined ? first : `${first}${second.startsWith('and') ? ' ' : '; '}${second}`;
  const numbers = [
    `Parameters: ${formatCount(a.parameters)} in A, ${formatCount(b.parameters)} in B`,
    `images seen ${formatCount(a.point.images_seen)} and ${formatCount(b.point.images_seen)}`,
    timed
      ? `training time ${duration(a.seconds ?? 0)} and ${duration(b.seconds ?? 0)}`
      : 'training time is not recorded for both',
    a.imagesPerSecond !== null && b.imagesPerSecond !== null
      ? `${formatCount(a.imagesPerSecond)} and ${formatCount(b.imagesPerSecond)} images/s in the median step`
      : '',
  ].filter(Boolean);
  const bar = (label: string, x: number, y: number, say: (value: number) => string) => {
    const max = Math.max(x, y) || 1;
    return {
      label,
      values: [
        { of: 'a' as const, value: x / max, text: say(x) },
        { of: 'b' as const, value: y / max, text: say(y) },
      ],
    };
  };
  const chart: TwoPicture = {
    kind: 'bars',
    rows: [
      bar('parameters', a.parameters, b.parameters, formatCount),
      ...(timed && !isSameWork ? [bar('time', a.seconds ?? 0, b.seconds ?? 0, shortDuration)] : []),
    ],
    max: 1.05,
  };
  return sentence(facts, 'cost', {
    text,
    detail: `${numbers.join('; ')}. Times are those of the machines that trained them; how fast they answer was not measured.`,
    chart,
    link: { view: 'runs' },
  });
}

/** The settings in which the two differ: name, A's value, B's. */
export function differences({ a, b }: Pick<TwoFacts, 'a' | 'b'>): [string, string, string][] | null {
  const [ofA, ofB] = [a.settings, b.settings];
  if (!ofA || !ofB) return null;
  const text = (settings: Record<string, string>, key: string) =>
    key in settings ? settingText(settings[key]) : 'not set';
  const network = ({ run, parameters }: End) =>
    `${plural(run.layers.length, 'layer')}, ${formatCount(parameters)} parameters`;
  const isOther = a.network !== b.network || a.parameters !== b.parameters;
  return [
    ...(isOther ? ([['network', network(a), network(b)]] as [string, string, string][]) : []),
    ...(a.corpus.identity === b.corpus.identity
      ? []
      : ([['images', a.corpus.name, b.corpus.name]] as [string, string, string][])),
    ...differingSettings([{ settings: ofA }, { settings: ofB }]).map((key): [string, string, string] => [
      settingName(key),
      text(ofA, key),
      text(ofB, key),
    ]),
  ];
}

/** Nothing but the seed and what it runs on: two draws of one recipe. */
export function isSeedAlone(facts: Pick<TwoFacts, 'a' | 'b'>): boolean {
  const differ = differences(facts);
  return (
    differ !== null &&
    differ.some(([name]) => name === 'seed') &&
    differ.every(([name]) => ['seed', 'vector_level', 'device'].includes(name))
  );
}

export function settingsRule(facts: TwoFacts): RuleResult {
  if (isOneRun(facts)) return { id: 'settings', reason: ONE_RUN };
  const differ = differences(facts);
  if (!differ) return { id: 'settings', reason: 'the settings of one of them are not known' };
  if (!differ.length) return { id: 'settings', reason: 'they do not differ in any setting' };
  const names = differ.map(([name]) => name);
  const shown = names.slice(0, 3).join(', ');
  return sentence(facts, 'settings', {
    text: isSeedAlone(facts)
      ? 'They differ in their seed alone: two draws of one recipe'
      : `They differ in ${plural(names.length, 'setting')}: ${shown}${names.length > 3 ? ` and ${names.length - 3} more` : ''}`,
    detail:
      differ
        .slice(0, MAX_SETTINGS)
        .map(([name, x, y]) => `${name}: ${x} in A, ${y} in B`)
        .join('; ') + (differ.length > MAX_SETTINGS ? `; and ${differ.length - MAX_SETTINGS} more.` : '.'),
    link: { view: 'runs' },
  });
}
