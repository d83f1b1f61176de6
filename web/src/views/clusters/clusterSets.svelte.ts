// Requests of the clusters view: one set of clusters per checkpoint, with the neighbours prefetched.
import { untrack } from 'svelte';
import { endpoint } from '../../api/client';
import type { ClusterSet, Split } from '../../api/types';
import { neighbours } from '../../state/checkpoints';
import { reference } from '../../state/reference.svelte';
import { resource, type Resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';
import { atlasIds, newestClustered, type SizeHistory } from './data';

/** A set of clusters: k-means on one layer with one metric, over the images of one split. */
export interface SetChoice {
  split: Split;
  layer: string;
  metric: string;
}

/** The clusters of one checkpoint; the run's first set without a choice. */
export const clustersEndpoint = (run: string, checkpoint: number, choice: SetChoice | null) =>
  endpoint('/api/runs/{run}/checkpoints/{checkpoint}/clusters', { run, checkpoint, ...choice });

/** Images shown of every cluster. */
export const NEAREST = 20;
const AHEAD = 4;
const BEHIND = 1;
const CACHE_SIZE = 80;

export class ClusterSets {
  readonly history: Resource<SizeHistory>;
  /** The clusters at the playhead, and at the reference. */
  readonly now: Resource<ClusterSet>;
  readonly before: Resource<ClusterSet>;
  /** The index of the reference in the history; -1 where it has none. */
  readonly was = $derived.by(() => this.history.value?.checkpoints.indexOf(reference.own) ?? -1);
  #store: Store;
  #cache = new Map<string, Promise<ClusterSet>>();

  constructor(store: Store, choice: () => SetChoice | null) {
    this.#store = store;
    // As text, so that a refresh of the run does not repeat the request.
    const choiceText = $derived(JSON.stringify(choice()));
    this.history = resource<SizeHistory>(() => {
      const id = store.run?.id;
      const wanted = JSON.parse(choiceText) as SetChoice | null;
      if (!id || !wanted) return null;
      return {
        key: `${id}/${choiceText}/${store.statisticsVersion}`,
        load: (signal) => endpoint('/api/runs/{run}/clusters', { run: id, ...wanted }).json(signal),
      };
    });
    const at = (checkpoint: () => number, view?: string) => {
      // No set is read where the reference is another run (-1): its clusters with the same numbers are other ones.
      const index = $derived(
        checkpoint() < 0 ? null : newestClustered(this.history.value?.checkpoints ?? [], checkpoint()),
      );
      const hash = $derived(index === null ? null : (store.run?.checkpoints[index]?.hash ?? null));
      return resource<ClusterSet>(
        () => {
          const wanted = JSON.parse(choiceText) as SetChoice | null;
          if (!wanted || index === null || hash === null) return null;
          return {
            key: `${hash}/${choiceText}`,
            tag: index,
            load: async () => {
              const set = await this.read(index, wanted);
              await decoded(store, atlasIds(set.clusters, NEAREST));
              return set;
            },
          };
        },
        { view, store },
      );
    };
    this.now = at(() => store.checkpoint, 'clusters');
    this.before = at(() => reference.own);
    $effect(() => {
      const shown = this.now.value;
      if (shown) untrack(() => this.#ahead(shown.checkpoint, JSON.parse(choiceText) as SetChoice | null));
    });
  }

  /** The clusters of a checkpoint, requested once. */
  read(checkpoint: number, choice: SetChoice): Promise<ClusterSet> {
    const run = this.#store.run;
    const key = `${run?.id}/${run?.checkpoints[checkpoint]?.hash}/${JSON.stringify(choice)}`;
    const cached = this.#cache.get(key);
    if (cached) return cached;
    const answer = clustersEndpoint(run?.id ?? '', checkpoint, choice).json();
    this.#cache.set(key, answer);
    answer.catch(() => this.#cache.delete(key));
    if (this.#cache.size > CACHE_SIZE) this.#cache.delete(this.#cache.keys().next().value as string);
    return answer;
  }

  #ahead(checkpoint: number, choice: SetChoice | null): void {
    const { run, direction, tiles } = this.#store;
    const clustered = new Set(this.history.value?.checkpoints ?? []);
    if (!run || !choice) return;
    for (const c of neighbours(run.checkpoints, checkpoint, direction, AHEAD, BEHIND)) {
      if (!clustered.has(c)) continue;
      this.read(c, choice).then(
        (set) => tiles.load(atlasIds(set.clusters, NEAREST)),
        () => undefined,
      );
    }
  }
}

/** Resolves when every image can be drawn without waiting. */
export function decoded(store: Store, ids: readonly number[]): Promise<void> {
  if (store.tiles.load(ids)) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = $effect.root(() => {
      $effect(() => {
        void store.tiles.version;
        if (!store.tiles.load(ids)) return;
        resolve();
        queueMicrotask(() => stop());
      });
    });
  });
}
