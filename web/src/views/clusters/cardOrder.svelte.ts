// CardOrdering of the cluster cards: computed once for each choice, and again only on request, so that nothing moves while one
// scrubs and a live run does not reorder the page.
import { untrack } from 'svelte';
import { AutoRetry } from '../../state/connection.svelte';
import { beginsUntrained } from '../../state/checkpoints';
import type { Store } from '../../state/store.svelte';
import {
  clusterGrowth,
  dominant,
  referenceCheckpoint,
  cardGroups,
  orderCards,
  type CardOrdering,
} from './data';
import type { ClusterSets, SetChoice } from './clusterSets.svelte';

/** The checkpoint that the order was asked for, in the address. */
const OPTION = 'clusters.at';

export interface CardArrangement {
  /** The checkpoint whose clusters gave the order. */
  at: number;
  order: CardOrdering;
  /** Some cluster grew by more than the noise; known in the order by growth only. */
  grew: boolean;
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
      const key = `${choiceKey}/${order}/${asked}/${this.#again}`;
      const history = clusterSets.history.value;
      const counted = history?.checkpoints;
      const last = counted?.[counted.length - 1];
      if (key === arranged || !choice || !history || !counted || last === undefined) return;
      let current = true;
      untrack(() => {
        const shown = clusterSets.now.value?.checkpoint ?? store.checkpoint;
        const reference = referenceCheckpoint({ order, asked, shown, counted }) ?? last;
        const growth =
          order === 'grew'
            ? clusterGrowth(history, {
                reference: store.before,
                current: reference,
                beginsUntrained: beginsUntrained(store.run),
              })
            : [];
        Promise.all([reference, last].map((c) => clusterSets.read(c, choice))).then(
          ([set, end]) => {
            if (!current) return;
            arranged = key;
            autoRetry.done();
            const cards = orderCards(order, set.clusters, growth);
            this.arrangement = {
              at: set.checkpoint,
              order,
              grew: growth.some((change) => change > 0),
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
