// Computations of the clusters view: names, purity, order, moved images. Pure: no DOM, no requests.

import { classColour } from '../../base/palette';
import { changeOfMeans, windowsAround } from '../common/windows';

export interface NearestImage {
  id: number;
  distance: number;
  /** Null where the corpus is not available. */
  true_class: number | null;
}

export interface Cluster {
  index: number;
  size: number;
  /** Images of each class. */
  mix: number[];
  nearest: NearestImage[];
}

export interface SizeHistory {
  checkpoints: number[];
  /** sizes[n][k]: images of cluster k at checkpoint checkpoints[n]. */
  sizes: number[][];
  /** purity[n][k]: share of its most frequent class. */
  purity: number[][];
}

export type SortKey = 'class' | 'mixed' | 'grew';

/** The most frequent class; the first of equals. */
export function dominant(mix: readonly number[]): number {
  let best = 0;
  for (let k = 1; k < mix.length; k++) if (mix[k] > mix[best]) best = k;
  return best;
}

export function purity(cluster: Pick<Cluster, 'size' | 'mix'>): number {
  return cluster.size ? cluster.mix[dominant(cluster.mix)] / cluster.size : 0;
}

/** The classes of a mix, most frequent first, without those that are absent. */
export function mixParts(mix: readonly number[]): { class_index: number; count: number }[] {
  return mix
    .map((count, class_index) => ({ class_index, count }))
    .filter((part) => part.count > 0)
    .sort((a, b) => b.count - a.count || a.class_index - b.class_index);
}

/** The mix in words: "mostly cat", "cat and dog", "cat, dog and bird". */
export function mixName(cluster: Pick<Cluster, 'size' | 'mix'>, classes: readonly string[]): string {
  const parts = mixParts(cluster.mix);
  if (!parts.length) return 'empty';
  const name = (n: number) => classes[parts[n].class_index] ?? String(parts[n].class_index);
  const share = (n: number) => (parts[n] ? parts[n].count / cluster.size : 0);
  if (share(0) >= 0.9 || parts.length === 1) return name(0);
  if (share(0) >= 0.6) return `mostly ${name(0)}`;
  if (share(0) + share(1) >= 0.6 || parts.length === 2) return `${name(0)} and ${name(1)}`;
  return `${name(0)}, ${name(1)} and ${name(2)}`;
}

/**
 * Growth of every cluster between two checkpoints: the mean of its sizes around the later one less that around the
 * earlier one; 0 where that is within the noise (see `noiseOfChange`) or there is nothing to compare.
 */
export function clusterGrowth(
  history: SizeHistory,
  { beginsUntrained, ...between }: { reference: number; current: number; beginsUntrained: boolean },
): number[] {
  const windows = windowsAround(history.checkpoints, between, beginsUntrained);
  return (history.sizes[0] ?? []).map((_, k) => {
    const sizes = (indices: number[]) => indices.map((n) => history.sizes[n][k]);
    const { change, beyondNoise } = changeOfMeans(sizes(windows.reference), sizes(windows.current));
    return beyondNoise ? change : 0;
  });
}

/**
 * The order of the cards: element n is the cluster in card n. It is computed once, when the order is chosen, and kept
 * while scrubbing, so that a cluster keeps its position.
 */
export function orderCards(order: SortKey, now: readonly Cluster[], growth: readonly number[] = []): number[] {
  const ranks = now.map((_, k) => k);
  if (order === 'mixed') return ranks.sort((a, b) => purity(now[a]) - purity(now[b]) || a - b);
  if (order === 'grew') return ranks.sort((a, b) => (growth[b] ?? 0) - (growth[a] ?? 0) || a - b);
  return ranks.sort(
    (a, b) => dominant(now[a].mix) - dominant(now[b].mix) || purity(now[b]) - purity(now[a]) || a - b,
  );
}

/**
 * The checkpoint by whose clusters the cards are sorted: the user's choice; else the last one for the order by class, and
 * the one on the screen for the others. The last one with clusters where that one has none; null where none has.
 */
export function orderingCheckpoint(request: {
  order: SortKey;
  userCheckpoint: number | null;
  shown: number;
  clusteredCheckpoints: readonly number[];
}): number | null {
  const last = request.clusteredCheckpoints.at(-1) ?? null;
  const wanted = request.userCheckpoint ?? (request.order === 'class' ? last : request.shown);
  return wanted !== null && request.clusteredCheckpoints.includes(wanted) ? wanted : last;
}

/** Runs of cards with the same dominant class, for the names under the overview. */
export function cardGroups(
  cards: readonly number[],
  clusters: readonly Cluster[],
): { class_index: number; first: number; count: number }[] {
  const groups: { class_index: number; first: number; count: number }[] = [];
  cards.forEach((cluster, card) => {
    const class_index = dominant(clusters[cluster]?.mix ?? []);
    const last = groups[groups.length - 1];
    if (last && last.class_index === class_index) last.count++;
    else groups.push({ class_index, first: card, count: 1 });
  });
  return groups;
}

/** The top of the size axis, one for the whole run: the largest cluster once training has begun, within reason. */
export function sizeTop(history: SizeHistory): number {
  const skip = history.sizes.length > 3 ? Math.ceil(history.sizes.length / 10) : 0;
  const sizes = history.sizes
    .slice(skip)
    .flat()
    .sort((a, b) => a - b);
  if (!sizes.length) return 1;
  const high = sizes[Math.min(sizes.length - 1, Math.floor(sizes.length * 0.995))];
  return Math.max(1, high);
}

/** The sizes of one cluster at every checkpoint, and how many of them its most frequent class made up. */
export function sizeHistory(history: SizeHistory, cluster: number): { size: number[]; main: number[] } {
  const size = history.sizes.map((one) => one[cluster] ?? 0);
  return { size, main: size.map((value, n) => value * (history.purity[n]?.[cluster] ?? 0)) };
}

/** Ids of all images shown, in cluster order whatever the order of the cards, so that one atlas serves every card. */
export function atlasIds(clusters: readonly Cluster[], max: number): number[] {
  const ids: number[] = [];
  const seen = new Set<number>();
  for (const cluster of clusters) {
    for (const near of cluster.nearest.slice(0, max)) {
      if (!seen.has(near.id)) {
        seen.add(near.id);
        ids.push(near.id);
      }
    }
  }
  return ids;
}

export interface ImageSlot {
  cluster: number;
  slot: number;
}

/** Images shown at both checkpoints whose slot changed. */
export function movedImages(
  from: readonly Cluster[],
  to: readonly Cluster[],
  max: number,
): { id: number; from: ImageSlot; to: ImageSlot }[] {
  const slots = new Map<number, ImageSlot>();
  for (const cluster of from) {
    cluster.nearest.slice(0, max).forEach((near, slot) => slots.set(near.id, { cluster: cluster.index, slot }));
  }
  const moved: { id: number; from: ImageSlot; to: ImageSlot }[] = [];
  for (const cluster of to) {
    cluster.nearest.slice(0, max).forEach((near, slot) => {
      const old = slots.get(near.id);
      if (old && (old.cluster !== cluster.index || old.slot !== slot)) {
        moved.push({ id: near.id, from: old, to: { cluster: cluster.index, slot } });
      }
    });
  }
  return moved;
}

/** True for a step that is animated: to a neighbour, by the user, with enough time since the last. */
export function isAnimated(step: {
  from: number;
  to: number;
  playing: boolean;
  reduced_motion: boolean;
  since_last_ms: number;
}): boolean {
  return (
    Math.abs(step.to - step.from) === 1 && !step.playing && !step.reduced_motion && step.since_last_ms >= 260
  );
}

/** The layer and metric in the address, `fc64.cosine`, if the run has it; else the first that it has. */
export function chooseSet<T extends { layer: string; metric: string }>(
  sets: readonly T[],
  wanted: string | null,
): T | null {
  return sets.find((set) => `${set.layer}.${set.metric}` === wanted) ?? sets[0] ?? null;
}

/** Of the ascending checkpoints with clusters the newest that is not after the requested one; the first where all are. */
export function newestClustered(checkpoints: readonly number[], wanted: number): number | null {
  let found: number | null = checkpoints[0] ?? null;
  for (const c of checkpoints) if (c <= wanted) found = c;
  return found;
}

/** The last card of a card's row: the detail of an open cluster comes after it. */
export function rowEnd(card: number, columns: number, cards: number): number {
  return Math.min(cards - 1, (Math.floor(card / columns) + 1) * columns - 1);
}

/** The colour that underlines an image of another class than its cluster's main one. */
export function otherClassColour(
  near: Pick<NearestImage, 'true_class'> | undefined,
  main: number,
  classes: number,
): string | null {
  const own = near?.true_class ?? null;
  return own === null || own === main ? null : classColour(own, classes);
}

/** Caption of an image: id, class, distance to the centre. */
export function imageCaption(near: NearestImage | undefined, names: readonly string[]): string {
  if (!near) return '';
  const name = near.true_class === null ? 'class unknown' : names[near.true_class];
  return `#${near.id}  ${name}  ${near.distance.toFixed(3)} away`;
}
