// The runs that are picked. The first has slot A, the second slot B; the others only have their curves in colour. Pure.

/** Limit of picked runs: more highlighted curves cannot be told apart. */
export const MAX_PICKED = 8;
/** Limit of curves in a chart. */
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

/** Picks a run, or unpicks it: those behind it move up. At the limit the new one replaces the last. */
export function togglePick(ids: readonly string[], id: string): string[] {
  if (ids.includes(id)) return ids.filter((one) => one !== id);
  return [...ids.slice(0, MAX_PICKED - 1), id];
}

/** The slot of a run: `A`, `B`, `3`...; empty where it is not picked. Only A and B are shown as text: other runs have a colour. */
export function slotOf(ids: readonly string[], id: string): string {
  const at = ids.indexOf(id);
  return at < 0 ? '' : (['A', 'B'][at] ?? String(at + 1));
}

/** Whether a run is picked without being A or B: only its curve is highlighted. */
export const isCurveOnly = (ids: readonly string[], id: string): boolean => ids.indexOf(id) > 1;

/** Colours of the curves from the third picked run on, in the order of the picks: easy to tell apart in both themes. */
const INKS = [1, 4, 5, 6, 7, 3].map((n) => `var(--cat-${n})`);

/** The colour of a picked run's curve, here and in the table: A and B have that of text, the others a hue each. */
export function inkOf(ids: readonly string[], id: string): string {
  return INKS[ids.indexOf(id) - 2] ?? 'var(--text-1)';
}

/** Assigns a run to slot A or B. A picked run swaps with the one that had the slot; another one is inserted before it. */
export function assignSlot(ids: readonly string[], id: string, slot: 'A' | 'B'): string[] {
  const [from, to] = [ids.indexOf(id), slot === 'A' ? 0 : 1];
  if (from < 0) return [...ids.slice(0, to), id, ...ids.slice(to)].slice(0, MAX_PICKED);
  if (to >= ids.length) return [...ids];
  return ids.map((one, at) => (at === to ? id : at === from ? ids[to] : one));
}

/** Explains what the picks do where there are more than two; empty otherwise. */
export function pickWords(ids: readonly string[]): string {
  if (ids.length <= 2) return '';
  const drawn =
    ids.length === 3 ? 'the third is drawn in the curves' : `3 to ${ids.length} are drawn in the curves`;
  const max = ids.length === MAX_PICKED ? `, ${MAX_PICKED} at most` : '';
  return `A and B are compared; ${drawn}${max}`;
}

/** The runs whose curves are drawn, up to the limit: the picked ones, then the listed ones in their order. */
export function curvedRuns(picked: readonly string[], listed: readonly string[]): string[] {
  const known = new Set(listed);
  return [...new Set([...picked.filter((id) => known.has(id)), ...listed])].slice(0, MAX_CURVES);
}
