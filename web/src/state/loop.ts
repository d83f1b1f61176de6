/** The part of the run that play repeats. Pure. */

/** Off, the whole run, or from one checkpoint to another. */
export type Loop = 'off' | 'all' | [number, number];

/** `10-40`, `all`, or nothing. */
export function parseLoop(text: string | null | undefined): Loop {
  if (text === 'all') return 'all';
  const match = /^(\d{1,7})-(\d{1,7})$/.exec(text ?? '');
  if (!match) return 'off';
  return rangeOf(Number(match[1]), Number(match[2]));
}

export const formatLoop = (loop: Loop): string =>
  loop === 'off' ? '' : loop === 'all' ? 'all' : `${loop[0]}-${loop[1]}`;

/** Two ends in order; a range of one checkpoint is no loop. */
export function rangeOf(a: number, b: number): Loop {
  return a === b ? 'off' : [Math.min(a, b), Math.max(a, b)];
}

/** The first and last checkpoint that play shows, within the run. */
export function playBounds(loop: Loop, last: number): [number, number] {
  if (typeof loop === 'string') return [0, last];
  const from = Math.min(loop[0], Math.max(0, last - 1));
  return [from, Math.max(from, Math.min(loop[1], last))];
}
