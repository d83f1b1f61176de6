// Statistics of one image over the run, in words. Pure.
import type { ExampleStats } from '../../api/types';
import { formatCount, fixed, percent, signed } from '../../base/format';

/** Statistics as pairs of name and value. */
export function exampleFacts(one: ExampleStats, checkpoints: number): [string, string][] {
  return [
    ['correct at', `${formatCount(one.right)} of ${formatCount(checkpoints)}`],
    [
      'forgotten',
      one.forgotten === 1 ? 'once' : one.forgotten ? `${formatCount(one.forgotten)} times` : 'never',
    ],
    ['margin', signed(one.final_margin, 2)],
    ['mean margin', signed(one.mean_margin, 2)],
  ];
}

/** The margin by which the other class must be more probable, and the share of later checkpoints that must predict it. */
const MIN = { doubt: 0.25, agreement: 0.5 };

/**
 * The reason why its label is suspected, or null: the network predicts another class at the last checkpoint, at most of
 * the later half, and clearly on average over it. The list of label issues is longer and includes less certain ones.
 */
export function labelIssue(one: ExampleStats, names: readonly string[]): string | null {
  if (one.predicted === one.true_class || one.agreement < MIN.agreement) return null;
  if (!(-one.late_margin >= MIN.doubt)) return null;
  const [label, other] = [one.true_class, one.predicted].map((k) => names[k] ?? String(k));
  return `possible label error: predicted ${other} at ${percent(one.agreement, 0)} of later checkpoints, by ${fixed(-one.late_margin, 2)} over ${label} on average`;
}

/** Images of a cell, the nearest to a probability first. */
export function nearestConfidence<T extends { id: number; probability: number }>(
  items: readonly T[],
  own: { id: number; probability: number },
  max: number,
): T[] {
  const away = (one: T) => Math.abs(one.probability - own.probability);
  return items
    .filter((one) => one.id !== own.id)
    .sort((a, b) => away(a) - away(b) || a.id - b.id)
    .slice(0, max);
}
