// The runs that are picked: the first is A, the second B, the others are in the curves. Pure.

/** At most so many are picked: more curves in ink are not told apart. */
export const MOST_PICKED = 8;
/** At most so many curves are drawn. */
export const MOST_CURVES = 100;

export const parsePick = (text: string): string[] =>
  [...new Set(text.split(',').filter(Boolean).map(decoded))].slice(0, MOST_PICKED);

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
  return [...ids.slice(0, MOST_PICKED - 1), id];
}

/** `A`, `B`, `3`...; empty for a run that is not picked. */
export function badgeOf(ids: readonly string[], id: string): string {
  const at = ids.indexOf(id);
  return at < 0 ? '' : (['A', 'B'][at] ?? String(at + 1));
}

/** The runs whose curves are drawn: what is picked, then the listed ones in their order. */
export function curvedRuns(picked: readonly string[], listed: readonly string[]): string[] {
  const known = new Set(listed);
  return [...new Set([...picked.filter((id) => known.has(id)), ...listed])].slice(0, MOST_CURVES);
}
