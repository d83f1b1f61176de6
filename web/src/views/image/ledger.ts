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

/** By how much the other class must be more probable, and at what share of the later checkpoints it must be said. */
const LEAST = { doubt: 0.25, agreement: 0.5 };

/**
 * Why its label is suspected, or null: at the last checkpoint, at most of the later half, and clearly on average over
 * it the network says another class. The list of suspects is longer: what is less sure stands at its end.
 */
export function suspicion(one: LedgerItem, names: readonly string[]): string | null {
  if (one.predicted === one.true_class || one.agreement < LEAST.agreement) return null;
  if (!(-one.late_margin >= LEAST.doubt)) return null;
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
