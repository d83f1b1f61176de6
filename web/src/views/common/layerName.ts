/** Names of layers where there is little room. Pure. */

/** Shorter names are not cut in two. */
const SHORT = 10;
/** Characters at the end that are kept. */
const END = 9;

/** What is cut where there is no room, and what is kept; the second is empty for short names. */
export function splitName(name: string): [string, string] {
  if (name.length <= SHORT) return [name, ''];
  const end = Math.min(END, Math.ceil(name.length * 0.45));
  return [name.slice(0, -end), name.slice(-end)];
}

/** A name of at most so many characters: its start and its end, with an ellipsis between them. */
export function cutMiddle(name: string, most: number): string {
  if (name.length <= most) return name;
  const end = Math.ceil((most - 1) / 2);
  return `${name.slice(0, most - 1 - end)}…${name.slice(name.length - end)}`;
}
