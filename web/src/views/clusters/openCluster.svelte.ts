// The open cluster. Its number is in the address; over a change of layer, metric or split the cluster with the same images
// is opened instead, because the numbers of two sets are unrelated.
import type { ClusterSet } from '../../api/types';
import type { Store } from '../../state/store.svelte';
import { sameImages } from './data';
import type { SetChoice } from './clusterSets.svelte';

const OPTION = 'clusters.open';

interface OpenClusterContext {
  /** Identifies the chosen run, layer, metric and split. */
  key: string;
  choice: SetChoice | null;
  /** The clusters on the screen: those of the choice before, while the next are in flight. */
  shown: ClusterSet | null;
}

export class OpenCluster {
  readonly #store: Store;
  readonly #context: () => OpenClusterContext;
  /** Images to find again among the clusters of the choice with this key. */
  #carried = $state.raw<{ key: string; ids: number[] } | null>(null);
  readonly index = $derived.by<number | null>(() => {
    const wanted = this.#store.option(OPTION, '');
    const { shown } = this.#context();
    return /^\d+$/.test(wanted) && Number(wanted) < (shown?.clusters.length ?? 0) ? Number(wanted) : null;
  });

  constructor(store: Store, context: () => OpenClusterContext) {
    this.#store = store;
    this.#context = context;
    $effect(() => {
      const { key, choice, shown } = context();
      const carried = this.#carried;
      if (!carried) return;
      const isOther = carried.key !== key || this.index !== null;
      const isHere =
        shown?.layer === choice?.layer && shown?.metric === choice?.metric && shown?.split === choice?.split;
      if (!isOther && (!isHere || !shown)) return;
      this.#carried = null;
      const found = isOther || !shown ? null : sameImages(carried.ids, shown.clusters);
      if (found !== null) store.setOption(OPTION, String(found), '');
    });
  }

  toggle(index: number): void {
    this.#store.setOption(OPTION, this.index === index ? '' : String(index), '');
  }

  close(): void {
    this.#store.setOption(OPTION, '', '');
  }

  /** Changes the set of clusters; the one that holds most of the opened one's images is opened, if that is clear. */
  keepImages(change: () => void): void {
    const { key, shown } = this.#context();
    const near = this.index === null ? [] : (shown?.clusters[this.index]?.nearest ?? []);
    change();
    const now = this.#context().key;
    if (now === key) return;
    this.close();
    this.#carried = near.length ? { key: now, ids: near.map(({ id }) => id) } : null;
  }
}
