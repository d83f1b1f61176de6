/** The names of two runs where there is little room: the part that differs is shown, the common beginning is cut. Pure. */

export interface CutName {
  /** Gives way first, with an ellipsis. */
  head: string;
  tail: string;
}

/** The end of a name that stays in any case, and where both share little or all. */
const MIN_TAIL = 5;
const TAIL = 8;
/** A shorter common beginning is no reason to cut there. */
const SHORTEST = 3;
const BREAK = /[-_ ./]/;

function commonPrefix(a: string, b: string): number {
  let length = 0;
  while (length < Math.min(a.length, b.length) && a[length] === b[length]) length += 1;
  return length;
}

/** Where a name is parted: at the last break of what both share, in its middle where they share little or all. */
function partedAt(name: string, other: string): number {
  const shared = commonPrefix(name, other);
  if (shared < SHORTEST || shared === name.length) return Math.max(0, name.length - TAIL);
  let at = shared;
  while (at > 0 && !BREAK.test(name[at - 1])) at -= 1;
  return Math.max(0, Math.min(name.length - MIN_TAIL, at < SHORTEST ? shared : at));
}

export function cutNames(a: string, b: string): [CutName, CutName] {
  const cut = (name: string, other: string): CutName => {
    const at = partedAt(name, other);
    return { head: name.slice(0, at), tail: name.slice(at) };
  };
  return [cut(a, b), cut(b, a)];
}
