// The images that the network takes for the like of one, in three senses. Pure.
import type { NearImages } from '../../api/types';
import { fixed } from '../../base/format';
import { classColour } from '../../base/palette';
import type { Table } from '../../state/exportSource.svelte';

/** By the network's outputs, by the centre of a cluster, or by the cell of the confusion matrix. */
export const KINDS = ['outputs', 'cluster', 'cell'] as const;
export type Kind = (typeof KINDS)[number];
export type Near = NearImages['items'][number];

export interface LikeItem {
  id: number;
  /** Null as long as the corpus is not open. */
  true_class: number | null;
  say: string;
}

export type Like = {
  image: number;
  checkpoint: number;
  truth: number;
  items: LikeItem[];
} & (
  | { kind: 'outputs'; near: Near[] }
  /** Null where the image is not among those nearest to a centre. */
  | { kind: 'cluster'; cluster: { index: number; name: string } | null }
  | { kind: 'cell'; predicted: number }
);

/** What the address says; anything else is the first of them. */
export const kindOf = (text: string): Kind => KINDS.find((kind) => kind === text) ?? 'outputs';

const nameOf = (k: number | null, names: readonly string[]) =>
  k === null ? 'class unknown' : (names[k] ?? String(k));

/** What one reads of an image: number, class, what it is seen as, how far away. */
export function nearItem(near: Near, names: readonly string[]): LikeItem {
  const { id, true_class, predicted, probability, distance } = near;
  const seen = `seen as ${nameOf(predicted, names)} ${fixed(probability, 2)}`;
  return { id, true_class, say: `${nameOf(true_class, names)}, ${seen}, ${fixed(distance, 2)} away` };
}

const isOther = (one: LikeItem | undefined, truth: number): boolean =>
  one !== undefined && one.true_class !== null && one.true_class !== truth;

/** The line below an image of another class; null for the others. */
export const otherColour = (one: LikeItem | undefined, truth: number, classes: number): string | null =>
  one && one.true_class !== null && isOther(one, truth) ? classColour(one.true_class, classes) : null;

/** The tooltip, and what a view of the screen hears: the line's meaning in words. */
export const caption = (one: LikeItem | undefined, truth: number): string =>
  one ? `#${one.id}  ${isOther(one, truth) ? 'another class: ' : ''}${one.say}` : '';

/** How many of the images are of another class, and which the first of them is of. */
export function others(items: readonly LikeItem[], truth: number, names: readonly string[]): string {
  const found = items.filter((one) => isOther(one, truth));
  if (!found.length) return items.length === 1 ? 'of its class' : `all ${items.length} of its class`;
  const first = nameOf(found[0].true_class, names);
  const place = items.indexOf(found[0]) + 1;
  return `${found.length} of ${items.length} of another class (underlined), the first in place ${place}: ${first}`;
}

/** The images of the outputs' row as a table; none for other rows. */
export function nearTables(like: Like | null, names: readonly string[]): Table[] {
  if (like?.kind !== 'outputs' || !like.near.length) return [];
  return [
    {
      name: `Nearest outputs at checkpoint ${like.checkpoint}`,
      head: ['image', 'true class', 'predicted', 'probability', 'distance'],
      rows: like.near.map((one) => [
        one.id,
        nameOf(one.true_class, names),
        nameOf(one.predicted, names),
        one.probability,
        one.distance,
      ]),
    },
  ];
}
