// Requests about what makes clusters: captions for the cards, and for the open cluster everything else.
import { untrack } from 'svelte';
import { endpoint } from '../../../api/client';
import type { ClusterCaptions, ClusterMembers, ClusterOverlap, ClusterSet, Slice } from '../../../api/types';
import { resource, type Resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';
import type { SetChoice } from '../clusterSets.svelte';
import { sliceFromText, sliceText, type Against, type SliceKey } from './makes';

const CAPTIONS = '/api/runs/{run}/checkpoints/{checkpoint}/clusters/captions' as const;
/** Captions read for every card: one that is not of the classes is among the first ones. */
const PER_CARD = 6;

/** The shown clusters as request parameters, and a key of them. */
export interface ShownSet {
  key: string;
  checkpoint: number;
  choice: SetChoice;
}

export function shownSet(store: Store, shown: ClusterSet | null): ShownSet | null {
  const hash = shown && store.run?.checkpoints[shown.checkpoint]?.hash;
  if (!shown || !hash) return null;
  const { split, layer, metric } = shown;
  const key = [store.run?.id, hash, split, layer, metric, store.statisticsVersion].join('/');
  return { key, checkpoint: shown.checkpoint, choice: { split, layer, metric } };
}

export const againstOf = (store: Store): Against =>
  store.option('clusters.against', 'rest') === 'class' ? 'class' : 'rest';

/** The strongest captions of all clusters. */
export class CardCaptions {
  readonly #found: Resource<ClusterCaptions>;
  readonly #shown: () => ClusterSet | null;

  constructor(store: Store, shown: () => ClusterSet | null) {
    this.#shown = shown;
    const load = (run: string, { checkpoint, choice }: ShownSet, signal?: AbortSignal) =>
      endpoint(CAPTIONS, { run, checkpoint, ...choice, against: againstOf(store), limit: PER_CARD }).json(
        signal,
      );
    this.#found = resource(() => {
      const set = shownSet(store, shown());
      if (!set || !store.run || store.run.corpus.available === false) return null;
      const { id } = store.run;
      return { key: `${set.key}/${againstOf(store)}`, load: (signal) => load(id, set, signal) };
    });
  }

  /** Facts of the layer, metric and split on the screen; those of the earlier checkpoint until the current ones arrive. */
  get value(): ClusterCaptions | null {
    const { value } = this.#found;
    const shown = this.#shown();
    const fits =
      value?.layer === shown?.layer && value?.metric === shown?.metric && value?.split === shown?.split;
    return fits ? value : null;
  }

  get error(): unknown {
    return this.#found.error;
  }
}

export interface SetName {
  layer: string;
  metric: string;
}

/** Everything about the open cluster. The selection is in the address. */
export class ClusterFacts {
  readonly captions: Resource<ClusterCaptions>;
  readonly overlap: Resource<ClusterOverlap>;
  readonly slice: Resource<{ key: SliceKey; slice: Slice }>;
  /** The chosen slice. */
  readonly key = $derived.by(() => sliceFromText(this.#store.option('clusters.slice', '')));
  /** The other sets of clusters. */
  readonly others = $derived.by<SetName[]>(() => {
    const shown = this.#request().shown;
    const sets = this.#store.run?.cluster_sets ?? [];
    return sets.filter((set) => set.layer !== shown?.layer || set.metric !== shown.metric);
  });
  /** The one of them that the images are looked for in. */
  readonly to = $derived(
    this.others.find((set) => `${set.layer}.${set.metric}` === this.#store.option('clusters.to', '')) ??
      this.others.at(0) ??
      null,
  );
  readonly #store: Store;
  readonly #request: () => { shown: ClusterSet | null; cluster: number | null };

  constructor(store: Store, request: () => { shown: ClusterSet | null; cluster: number | null }) {
    this.#store = store;
    this.#request = request;
    this.captions = resource(() => {
      const asked = this.#asked();
      if (!asked?.hasImages) return null;
      const { run, set, cluster } = asked;
      const against = againstOf(store);
      return {
        key: `${set.key}/${cluster}/${against}`,
        load: (signal) =>
          endpoint(CAPTIONS, {
            run,
            checkpoint: set.checkpoint,
            ...set.choice,
            cluster,
            against,
          }).json(signal),
      };
    });
    this.overlap = resource(() => {
      const asked = this.#asked();
      const { to } = this;
      return (
        asked &&
        to && {
          key: `${asked.set.key}/${asked.cluster}/${to.layer}/${to.metric}`,
          load: (signal) => overlapOf(asked.run, asked.set, asked.cluster, to).json(signal),
        }
      );
    });
    this.slice = resource(() => {
      const asked = this.#asked();
      const { key } = this;
      if (!asked?.hasImages || !key) return null;
      const { run, set } = asked;
      const { split } = set.choice;
      return {
        key: `${run}/${split}/${store.run?.checkpoints[set.checkpoint]?.hash}/${store.statisticsVersion}/${sliceText(key)}`,
        load: async (signal) => {
          const path = '/api/runs/{run}/checkpoints/{checkpoint}/slice';
          const found = await endpoint(path, { run, checkpoint: set.checkpoint, split, ...key }).json(signal);
          return { key, slice: found };
        },
      };
    });
  }

  /** What the requests are about; null where no cluster is open. */
  #asked() {
    const { shown, cluster } = this.#request();
    const set = shownSet(this.#store, shown);
    const { run } = this.#store;
    if (!set || !run || cluster === null) return null;
    return { run: run.id, set, cluster, hasImages: run.corpus.available !== false };
  }
}

/** Where the images of a cluster are in another set. */
export const overlapOf = (
  run: string,
  { checkpoint, choice }: Omit<ShownSet, 'key'>,
  cluster: number,
  to: SetName,
) =>
  endpoint('/api/runs/{run}/checkpoints/{checkpoint}/clusters/{cluster}/overlap', {
    run,
    checkpoint,
    cluster,
    ...choice,
    to_layer: to.layer,
    to_metric: to.metric,
  });

/** A page of the open cluster's images. */
export function clusterMembers(
  store: Store,
  request: () => { shown: ClusterSet | null; cluster: number; from: number; limit: number } | null,
): Resource<ClusterMembers> {
  return untrack(() =>
    resource<ClusterMembers>(() => {
      const wanted = request();
      const set = wanted && shownSet(store, wanted.shown);
      if (!wanted || !set || !store.run || wanted.limit < 1) return null;
      const { cluster, from, limit } = wanted;
      const run = store.run.id;
      return {
        key: `${set.key}/${cluster}/${from}/${limit}`,
        load: (signal) =>
          endpoint('/api/runs/{run}/checkpoints/{checkpoint}/clusters/{cluster}/images', {
            run,
            checkpoint: set.checkpoint,
            cluster,
            ...set.choice,
            cursor: from ? String(from) : undefined,
            limit,
          }).json(signal),
      };
    }),
  );
}
