/** Checkpoints that the user marked and perhaps named, as stored in the address and in local storage. Pure but for storage. */

export interface Mark {
  checkpoint: number;
  name: string;
}

const MAX_MARKS = 40;
const MAX_NAME = 32;
const KEY = 'deepviz.marks.';

/** A name without the characters that separate marks in the address. */
export const cleanName = (text: string): string =>
  text.replace(/[,:~]/g, ' ').replace(/\s+/g, ' ').trim().slice(0, MAX_NAME);

/** `5:edges,40` in order of checkpoints; what cannot be parsed is left out. */
export function parseMarks(text: string | null | undefined): Mark[] {
  const found = new Map<number, string>();
  for (const part of (text ?? '').split(',')) {
    const match = /^(\d{1,7})(?::(.*))?$/.exec(part);
    if (match) found.set(Number(match[1]), cleanName(match[2] ?? ''));
  }
  return [...found]
    .map(([checkpoint, name]) => ({ checkpoint, name }))
    .sort((a, b) => a.checkpoint - b.checkpoint)
    .slice(0, MAX_MARKS);
}

export const formatMarks = (marks: readonly Mark[]): string =>
  [...marks]
    .sort((a, b) => a.checkpoint - b.checkpoint)
    .map(({ checkpoint, name }) => (name ? `${checkpoint}:${cleanName(name)}` : String(checkpoint)))
    .join(',');

/** The marks with this checkpoint added, or removed where it was marked. */
export function toggledMark(marks: readonly Mark[], checkpoint: number): Mark[] {
  return marks.some((m) => m.checkpoint === checkpoint)
    ? marks.filter((m) => m.checkpoint !== checkpoint)
    : [...marks, { checkpoint, name: '' }];
}

/** The next mark in a direction; null where there is none. */
export function nextMark(marks: readonly Mark[], from: number, by: 1 | -1): number | null {
  const all = marks.map((m) => m.checkpoint).filter((c) => (by > 0 ? c > from : c < from));
  return all.length ? (by > 0 ? Math.min(...all) : Math.max(...all)) : null;
}

export function storedMarks(run: string): string | null {
  try {
    return localStorage.getItem(KEY + run);
  } catch {
    return null;
  }
}

export function storeMarks(run: string, text: string): void {
  try {
    if (text) localStorage.setItem(KEY + run, text);
    else localStorage.removeItem(KEY + run);
  } catch {
    // Storage may be forbidden; the address holds them all the same.
  }
}
