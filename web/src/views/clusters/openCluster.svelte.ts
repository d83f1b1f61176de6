// The open cluster. Its number is in the address; over a change of layer or metric the cluster with the same images is
// opened instead, because the numbers of two sets are unrelated.
import type { ClusterOverlap, ClusterSet } from '../../api/types';
import type { Store } from '../../state/store.svelte';
import { overlapOf, type SetName } from './makes/clusterFacts.svelte';
import { sameCluster } from './makes/makes';
import type { SetChoice } from './clusterSets.svelte';

const OPTION = 'clusters.open';

interface OpenClusterContext {
  /** Identifies the chosen run, layer, metric and split. */
  key: string;
  choice: SetChoice | null;
  /** The clusters on the screen: those of the choice before, while the next are in flight. */
  shown: ClusterSet | null;
}

/** Where the images of the cluster that was open are among the clusters of another choice. */
export interface Followed {
  /** The other choice. */
  key: string;
  from: number;
  overlap: ClusterOverlap;
}

export class OpenCluster {
  readonly #store: Store;
  readonly #context: () => OpenClusterContext;
  /** A cluster to open once the clusters of its choice are on the screen. */
  #next = $state.raw<{ key: string; cluster: number } | null>(null);
  #followed = $state.raw<Followed | null>(null);
  readonly index = $derived.by<number | null>(() => {
    const wanted = this.#store.option(OPTION, '');
    const { shown, choice } = this.#context();
    // A number of one set says nothing in another that is still on the screen.
    if (!isOf(shown, choice)) return null;
    return /^\d+$/.test(wanted) && Number(wanted) < (shown?.clusters.length ?? 0) ? Number(wanted) : null;
  });
  /** The images that were open before the choice changed, where no cluster holds most of them. */
  readonly scattered = $derived.by(() =>
    this.#followed?.key === this.#context().key && this.index === null ? this.#followed : null,
  );

  constructor(store: Store, context: () => OpenClusterContext) {
    this.#store = store;
    this.#context = context;
    $effect(() => {
      const { key, choice, shown } = context();
      const next = this.#next;
      if (!next) return;
      const isOther = next.key !== key || this.index !== null;
      if (!isOther && !isOf(shown, choice)) return;
      this.#next = null;
      if (!isOther) store.setOption(OPTION, String(next.cluster), '');
    });
  }

  toggle(index: number): void {
    if (this.index === index) this.close();
    else this.#open(index);
  }

  close(): void {
    this.#followed = null;
    this.#store.setOption(OPTION, '', '');
    this.#store.setOption('clusters.slice', '', '');
    this.#store.setOption('clusters.from', '0', '0');
  }

  #open(index: number): void {
    this.#store.setOption('clusters.from', '0', '0');
    this.#store.setOption(OPTION, String(index), '');
  }

  /** Changes the split: other images, so that nothing stays open. */
  changeSplit(change: () => void): void {
    const { key } = this.#context();
    change();
    if (this.#context().key !== key) this.close();
  }

  /** Changes layer and metric; the cluster that holds most of the open one's images is opened, if there is one. */
  changeSet(to: SetName): void {
    const { shown } = this.#context();
    const from = this.index;
    const run = this.#store.run?.id;
    const slice = this.#store.option('clusters.slice', '');
    const key = this.#choose(to);
    if (key === null) return;
    if (from === null || !shown || !run) return;
    const { checkpoint, split, layer, metric } = shown;
    const read = overlapOf(run, { checkpoint, choice: { split, layer, metric } }, from, to).json();
    read.then(
      (overlap) => {
        if (this.#context().key !== key || this.#store.option(OPTION, '') !== '') return;
        const same = sameCluster(overlap);
        this.#store.setOption('clusters.slice', same === null ? '' : slice, '');
        if (same !== null) this.#next = { key, cluster: same };
        else this.#followed = { key, from, overlap };
      },
      // For a checkpoint without the other clusters the view shows a message.
      () => undefined,
    );
  }

  /** Goes to a cluster of another set. */
  goTo(to: SetName, cluster: number): void {
    const slice = this.#store.option('clusters.slice', '');
    const key = this.#choose(to);
    if (key === null) return;
    this.#store.setOption('clusters.slice', slice, '');
    this.#next = { key, cluster };
  }

  /** The key of the new choice; null where it is the old one. */
  #choose({ layer, metric }: SetName): string | null {
    const { key } = this.#context();
    this.#store.setOption('clusters.set', `${layer}.${metric}`);
    const now = this.#context().key;
    if (now === key) return null;
    this.close();
    this.#next = null;
    return now;
  }
}

const isOf = (shown: ClusterSet | null, choice: SetChoice | null): boolean =>
  shown !== null &&
  choice !== null &&
  shown.layer === choice.layer &&
  shown.metric === choice.metric &&
  shown.split === choice.split;
