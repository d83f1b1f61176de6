/** Layers that put several others together: what they do, with what. Pure. */
import { plural } from '../../../base/format';

export const JOINS = ['add', 'concat', 'multiply'] as const;
export type Join = (typeof JOINS)[number];

export const isJoin = (type: string): type is Join => (JOINS as readonly string[]).includes(type);

/** More inputs than this are counted, not listed. */
const MAX_LISTED = 3;

/** "2 inputs"; of a concatenation the channels: "64 + 32". */
export function joinWords(type: Join, channels: readonly number[]): string {
  if (type === 'concat' && channels.length <= MAX_LISTED) return channels.join(' + ');
  return plural(channels.length, 'input');
}

/** More names than this are counted. */
const MAX_NAMED = 6;

/** "conv2, conv1"; "a, b, c, d, e, f and 18 more". */
export function joinedNames(inputs: readonly string[]): string {
  const more = inputs.length - MAX_NAMED;
  return inputs.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Numbers of joins in a folded module: "2 add, 1 multiply". */
export function countWords(joins: Readonly<Record<Join, number>>): string {
  return JOINS.filter((type) => joins[type])
    .map((type) => `${joins[type]} ${type}`)
    .join(', ');
}

/** Borders between the inputs of a concatenation, as shares of its channels. */
export function channelBorders(channels: readonly number[], max = 8): number[] {
  const total = channels.reduce((sum, one) => sum + one, 0);
  const borders: number[] = [];
  let sum = 0;
  for (const one of channels.slice(0, -1)) {
    sum += one;
    borders.push(sum / total);
  }
  return borders.length > max ? borders.slice(-max) : borders;
}
