// CardOrdering of the cluster cards: computed once for each choice, and again only on request, so that nothing moves while one
// scrubs and a live run does not reorder the page.
import { untrack } from 'svelte';
import { AutoRetry } from '../../state/connection.svelte';
import { beginsUntrained } from '../../state/checkpoints';
import { reference } from '../../state/reference.svelte';
import { secondRun } from '../../state/secondRun.svelte';
import type { Store } from '../../state/store.svelte';
import {
  clusterGrowth,
  dominant,
  referenceCheckpoint,
  cardGroups,
  orderCards,
  type CardOrdering,
  type SizeHistory,
} from './data';
import type { ClustersOfB } from './clustersOfB.svelte';
import type { ClusterSets, SetChoice } from './clusterSets.svelte';

/** The checkpoint that the order was asked for, in the address. */
const OPTION = 'clusters.at';

export interface CardArrangement {
  /** The checkpoint whose clusters gave the order. */
  at: number;
  order: CardOrdering;
  /** Some cluster grew by more than the noise, or is unlike those of B; known in the order by growth only. */
  grew: boolean;
  /** The order by growth is that of the difference from B. */
  isFromB: boolean;
  cards: number[];
  /** The class each cluster is coloured by in its history: its most frequent one at the last checkpoint. */
  colours: number[];
  groups: { class_index: number; first: number; count: number }[];
}

export class CardOrder {
  arrangement = $state.raw<CardArrangement | null>(null);
  #again = $state(0);
  readonly #store: Store;
  /** The checkpoint chosen by the user, in the address; null for the order's default. */
  readonly #asked = $derived.by(() => {
    const wanted = this.#store.option(OPTION, '');
    return /^\d+$/.test(wanted) ? Number(wanted) : null;
  });

  constructor(
    store: Store,
    clusterSets: ClusterSets,
    request: () => { key: string; choice: SetChoice | null; order: CardOrdering },
    ofB: ClustersOfB,
  ) {
    this.#store = store;
    const autoRetry = new AutoRetry(() => (this.#again += 1));
    let arranged = '';
    let of = '';
    $effect(() => {
      const { key: choiceKey, choice, order } = request();
      // The user's choice was for another set or order; the first one comes from the address.
      const isOther = of !== '' && of !== `${choiceKey}/${order}`;
      if (isOther && this.#asked !== null) untrack(() => store.setOption(OPTION, '', ''));
      if (choice) of = `${choiceKey}/${order}`;
      const asked = isOther ? null : this.#asked;
      // The reference is B: the difference from its clusters is the order, where they are of the same images.
      const unlike = order === 'grew' ? ofB.unlike : null;
      const from = unlike ? `${secondRun.id}/${JSON.stringify(ofB.choice)}` : '';
      const key = `${choiceKey}/${order}/${asked}/${this.#again}/${from}`;
      const history = clusterSets.history.value;
      const counted = history?.checkpoints;
      const last = counted?.[counted.length - 1];
      // Not by the growth of A while B is being read.
      if (order === 'grew' && reference.isOther && !secondRun.run && !secondRun.error) return;
      if (key === arranged || !choice || !history || !counted || last === undefined) return;
      let current = true;
      untrack(() => {
        const shown = clusterSets.now.value?.checkpoint ?? store.checkpoint;
        const at = referenceCheckpoint({ order, asked, shown, counted }) ?? last;
        Promise.all([
          Promise.all([at, last].map((c) => clusterSets.read(c, choice))),
          unlike?.(at, choice) ?? (order === 'grew' ? this.#growth(history, at) : []),
        ]).then(
          ([[set, end], growth]) => {
            if (!current) return;
            arranged = key;
            autoRetry.done();
            const cards = orderCards(order, set.clusters, growth);
            this.arrangement = {
              at: set.checkpoint,
              order,
              grew: growth.some((change) => change > 0),
              isFromB: unlike !== null,
              cards,
              colours: end.clusters.map((one) => dominant(one.mix)),
              groups: order === 'class' ? cardGroups(cards, set.clusters) : [],
            };
          },
          (error: unknown) => current && autoRetry.failed(error),
        );
      });
      return () => (current = false);
    });
    $effect(() => () => autoRetry.done());
  }

  /** Of the open run alone: since the reference in it, or since the checkpoint that was it before B came. */
  #growth(history: SizeHistory, current: number): number[] {
    const { run, before } = this.#store;
    const since = reference.own < 0 ? before : reference.own;
    return clusterGrowth(history, { reference: since, current, beginsUntrained: beginsUntrained(run) });
  }

  /** Computes the order again: for this checkpoint, or for the order's default. */
  renew(checkpoint: number | null = null): void {
    this.#store.setOption(OPTION, checkpoint === null ? '' : String(checkpoint), '');
    this.#again += 1;
  }

  /** Cluster of each card, in index order until the order is computed. */
  cards(clusters: number): number[] {
    const cards = this.arrangement?.cards;
    return cards?.length === clusters ? cards : Array.from({ length: clusters }, (_, k) => k);
  }
}
