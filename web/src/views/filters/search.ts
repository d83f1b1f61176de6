/** Finding images: what was typed, what was probably meant. Pure. */

/** The class whose name is nearest to what was typed, when it is near enough to be a slip of the hand. */
export function didYouMean(text: string, classes: readonly string[]): string | null {
  const typed = text.trim().toLowerCase();
  if (typed.length < 2) return null;
  let best: { name: string; away: number } | null = null;
  for (const name of classes) {
    const away = distance(typed, name.toLowerCase());
    if (!best || away < best.away) best = { name, away };
  }
  return best && best.away <= Math.max(1, Math.floor(best.name.length / 3)) ? best.name : null;
}

/** Insertions, deletions, replacements and swapped neighbours between two words. */
export function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i, ...Array<number>(b.length).fill(0)]);
  for (let j = 1; j <= b.length; j += 1) rows[0][j] = j;
  for (let i = 1; i <= a.length; i += 1) {
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, rows[i - 2][j - 2] + 1);
      rows[i][j] = best;
    }
  }
  return rows[a.length][b.length];
}

/** The blocks of a long list that are visible, and one on either side. */
export function blocksInSight(scroll: number, height: number, block: number, total: number): number[] {
  if (total <= 0 || block <= 0) return [];
  const first = Math.max(0, Math.floor(scroll / block) - 1);
  const last = Math.min(total - 1, Math.floor((scroll + height) / block) + 1);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

/** Number of changes of the predicted class between checkpoints, and the number of steps. */
export function flips(predicted: readonly number[]): { changes: number; steps: number } {
  let changes = 0;
  for (let i = 1; i < predicted.length; i += 1) if (predicted[i] !== predicted[i - 1]) changes += 1;
  return { changes, steps: Math.max(0, predicted.length - 1) };
}

/** The classes of the bar chart: all of a few; of many the likeliest over the whole run and the true one, in class order. */
export function classesShown(
  series: readonly (readonly number[])[],
  trueClass: number | null,
  classes: number,
  max: number,
): number[] {
  if (classes <= max) return Array.from({ length: classes }, (_, k) => k);
  const sum = Array<number>(classes).fill(0);
  for (const row of series) row.forEach((p, k) => (sum[k] += p));
  const order = sum.map((_, k) => k).sort((a, b) => sum[b] - sum[a] || a - b);
  const chosen = order.slice(0, max);
  if (trueClass !== null && !chosen.includes(trueClass)) chosen[max - 1] = trueClass;
  return chosen.sort((a, b) => a - b);
}
