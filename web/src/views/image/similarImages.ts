// Images similar to one for the network, in three senses. Pure.
import type { NearImages } from '../../api/types';
import { fixed } from '../../base/format';
import { classColour } from '../../base/palette';
import type { Table } from '../../state/exportData';

/** What images are compared by: the network's outputs, the centre of a cluster, or the cell of the confusion matrix. */
export const SIMILARITIES = ['outputs', 'cluster', 'cell'] as const;
export type Similarity = (typeof SIMILARITIES)[number];
export type NearestOutput = NearImages['items'][number];

export interface SimilarImage {
  id: number;
  /** Null as long as the corpus is not open. */
  true_class: number | null;
  say: string;
}

export type SimilarImages = {
  image: number;
  checkpoint: number;
  /** The class of the image itself; null where it is unknown. */
  truth: number | null;
  items: SimilarImage[];
} & (
  | { kind: 'outputs'; near: NearestOutput[] }
  /** Null where the image is not among those nearest to a centre. */
  | { kind: 'cluster'; cluster: { index: number; name: string } | null }
  | { kind: 'cell'; predicted: number }
);

/** Parses the address's option; the default is the first. */
export const similarityFrom = (text: string): Similarity =>
  SIMILARITIES.find((kind) => kind === text) ?? 'outputs';

const nameOf = (k: number | null, names: readonly string[]) =>
  k === null ? 'class unknown' : (names[k] ?? String(k));

/** Caption of an image: class, prediction, distance. */
export function similarImage(near: NearestOutput, names: readonly string[]): SimilarImage {
  const { id, true_class, predicted, probability, distance } = near;
  const seen = `predicted ${nameOf(predicted, names)} ${fixed(probability, 2)}`;
  return { id, true_class, say: `${nameOf(true_class, names)}, ${seen}, ${fixed(distance, 2)} away` };
}

const isOther = (one: SimilarImage | undefined, truth: number | null): boolean =>
  one !== undefined && one.true_class !== null && truth !== null && one.true_class !== truth;

/** The line below an image of another class; null for the others. */
export const otherClassColour = (
  one: SimilarImage | undefined,
  truth: number | null,
  classes: number,
): string | null =>
  one && one.true_class !== null && isOther(one, truth) ? classColour(one.true_class, classes) : null;

/** Tooltip and text for screen readers: the underline's meaning in words. */
export const caption = (one: SimilarImage | undefined, truth: number | null): string =>
  one ? `#${one.id}  ${isOther(one, truth) ? 'another class: ' : ''}${one.say}` : '';

/** Number of images of another class, and the class of the first of them. */
export function others(items: readonly SimilarImage[], truth: number | null, names: readonly string[]): string {
  if (truth === null) return commonest(items, names);
  const found = items.filter((one) => isOther(one, truth));
  if (!found.length) return items.length === 1 ? 'of its class' : `all ${items.length} of its class`;
  const first = nameOf(found[0].true_class, names);
  const rank = items.indexOf(found[0]) + 1;
  return `${found.length} of ${items.length} of another class (underlined), the first in place ${rank}: ${first}`;
}

/** The class that most of the images have. */
function commonest(items: readonly SimilarImage[], names: readonly string[]): string {
  const counts = new Map<number, number>();
  for (const { true_class: k } of items) if (k !== null) counts.set(k, (counts.get(k) ?? 0) + 1);
  const [max] = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  return max ? `${max[1]} of ${items.length} are ${nameOf(max[0], names)}` : '';
}

/** The images of the outputs' row as a table; none for other rows. */
export function nearestTables(similar: SimilarImages | null, names: readonly string[]): Table[] {
  if (similar?.kind !== 'outputs' || !similar.near.length) return [];
  return [
    {
      name: `Nearest in logit space at checkpoint ${similar.checkpoint}`,
      head: ['image', 'true class', 'predicted', 'probability', 'distance'],
      rows: similar.near.map((one) => [
        one.id,
        nameOf(one.true_class, names),
        nameOf(one.predicted, names),
        one.probability,
        one.distance,
      ]),
    },
  ];
}
