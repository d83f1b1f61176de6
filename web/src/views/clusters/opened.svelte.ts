// The opened cluster. Its number is in the address; over a change of layer, metric or split its images are kept instead,
// because the numbers of two sets have nothing to do with each other.
import type { ClusterSet } from '../../api/types';
import type { Store } from '../../state/store.svelte';
import { sameImages } from './data';
import type { SetChoice } from './live.svelte';

const OPTION = 'clusters.open';

interface Here {
  /** What names the run, layer, metric and split that are chosen. */
  key: string;
  choice: SetChoice | null;
  /** The clusters on the screen: those of the choice before, while the next are on their way. */
  shown: ClusterSet | null;
}

export class Opened {
  readonly #store: Store;
  readonly #here: () => Here;
  /** The images to find again among the clusters of the choice that has this key. */
  #carried = $state.raw<{ key: string; ids: number[] } | null>(null);
  readonly index = $derived.by<number | null>(() => {
    const wanted = this.#store.option(OPTION, '');
    const { shown } = this.#here();
    return /^\d+$/.test(wanted) && Number(wanted) < (shown?.clusters.length ?? 0) ? Number(wanted) : null;
  });

  constructor(store: Store, here: () => Here) {
    this.#store = store;
    this.#here = here;
    $effect(() => {
      const { key, choice, shown } = here();
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
    const { key, shown } = this.#here();
    const near = this.index === null ? [] : (shown?.clusters[this.index]?.nearest ?? []);
    change();
    const now = this.#here().key;
    if (now === key) return;
    this.close();
    this.#carried = near.length ? { key: now, ids: near.map(({ id }) => id) } : null;
  }
}
