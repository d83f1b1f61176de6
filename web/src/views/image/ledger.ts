// What became of one image over the run, in words. Pure.
import type { LedgerItem } from '../../api/types';
import { fixed, percent, signed } from '../../base/format';

/** Facts of the ledger, as pairs of name and value. */
export function ledgerFacts(one: LedgerItem, checkpoints: number): [string, string][] {
  return [
    ['right at', `${one.right} of ${checkpoints}`],
    ['forgotten', one.forgotten === 1 ? 'once' : one.forgotten ? `${one.forgotten} times` : 'never'],
    ['margin, mean', `${signed(one.final_margin, 2)}, ${signed(one.mean_margin, 2)}`],
  ];
}

/**
 * Why its label is suspected, or null: at the last checkpoint and on average over the later half the network says
 * another class.
 */
export function suspicion(one: LedgerItem, names: readonly string[]): string | null {
  if (one.predicted === one.true_class || one.late_margin >= 0) return null;
  const [label, other] = [one.true_class, one.predicted].map((k) => names[k] ?? String(k));
  return `label suspected: ${percent(one.agreement, 0)} of the later checkpoints say ${other}, by ${fixed(-one.late_margin, 2)} over ${label} on average`;
}

/** One of the images of a cell, the nearest to a probability first. */
export function likeConfidence<T extends { id: number; probability: number }>(
  items: readonly T[],
  own: { id: number; probability: number },
  most: number,
): T[] {
  const away = (one: T) => Math.abs(one.probability - own.probability);
  return items
    .filter((one) => one.id !== own.id)
    .sort((a, b) => away(a) - away(b) || a.id - b.id)
    .slice(0, most);
}
