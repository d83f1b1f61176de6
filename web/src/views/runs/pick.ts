// The runs that are picked: the first is A, the second B, the others are in the curves. Pure.

/** At most so many are picked: more curves in ink are not told apart. */
export const MAX_PICKED = 8;
/** At most so many curves are drawn. */
export const MAX_CURVES = 100;

export const parsePick = (text: string): string[] =>
  [...new Set(text.split(',').filter(Boolean).map(decoded))].slice(0, MAX_PICKED);

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

export const formatPick = (ids: readonly string[]): string => ids.map(encodeURIComponent).join(',');

/** Picks a run, or lets it go; the ones behind it move up. The last gives way where there are too many. */
export function togglePick(ids: readonly string[], id: string): string[] {
  if (ids.includes(id)) return ids.filter((one) => one !== id);
  return [...ids.slice(0, MAX_PICKED - 1), id];
}

/** `A`, `B`, `3`...; empty for a run that is not picked. Only the letters are written: other runs have a colour. */
export function badgeOf(ids: readonly string[], id: string): string {
  const at = ids.indexOf(id);
  return at < 0 ? '' : (['A', 'B'][at] ?? String(at + 1));
}

/** Picked, and neither A nor B. */
export const isDrawn = (ids: readonly string[], id: string): boolean => ids.indexOf(id) > 1;

/** Of the curves of the third run and more, in the order of the picks: far from each other on both grounds. */
const INKS = [1, 4, 5, 6, 7, 3].map((n) => `var(--cat-${n})`);

/** The colour of a picked run's curve, here and in the table: A and B are in ink, the others in colours. */
export function inkOf(ids: readonly string[], id: string): string {
  return INKS[ids.indexOf(id) - 2] ?? 'var(--text-1)';
}

/** Makes a run A or B; it changes places with the one that was, or pushes it down where it was not picked. */
export function makeSign(ids: readonly string[], id: string, sign: 'A' | 'B'): string[] {
  const [from, to] = [ids.indexOf(id), sign === 'A' ? 0 : 1];
  if (from < 0) return [...ids.slice(0, to), id, ...ids.slice(to)].slice(0, MAX_PICKED);
  if (to >= ids.length) return [...ids];
  return ids.map((one, at) => (at === to ? id : at === from ? ids[to] : one));
}

/** What the picks do, where there are more than two; empty otherwise. */
export function pickWords(ids: readonly string[]): string {
  if (ids.length <= 2) return '';
  const drawn =
    ids.length === 3 ? 'the third is drawn in the curves' : `3 to ${ids.length} are drawn in the curves`;
  const max = ids.length === MAX_PICKED ? `, ${MAX_PICKED} at most` : '';
  return `A and B are compared; ${drawn}${max}`;
}

/** The runs whose curves are drawn: what is picked, then the listed ones in their order. */
export function curvedRuns(picked: readonly string[], listed: readonly string[]): string[] {
  const known = new Set(listed);
  return [...new Set([...picked.filter((id) => known.has(id)), ...listed])].slice(0, MAX_CURVES);
}
