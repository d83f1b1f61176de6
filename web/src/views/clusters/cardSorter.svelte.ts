// The order of the cluster cards. It is computed once for each choice of set and sort key, and again only on request: cards
// do not move while the playhead does, and a run that trains does not reorder the page.
import { untrack } from 'svelte';
import { AutoRetry } from '../../state/connection.svelte';
import { beginsUntrained } from '../../state/checkpoints';
import { reference } from '../../state/reference.svelte';
import { secondRun } from '../../state/secondRun.svelte';
import type { Store } from '../../state/store.svelte';
import {
  clusterGrowth,
  dominant,
  orderingCheckpoint,
  cardGroups,
  orderCards,
  type SortKey,
  type SizeHistory,
} from './data';
import type { ClustersOfB } from './clustersOfB.svelte';
import type { ClusterSets, SetChoice } from './clusterSets.svelte';

/** URL option: the checkpoint that the user chose for the order. */
const OPTION = 'clusters.at';

export interface SortedCards {
  /** The checkpoint by whose clusters the cards are sorted. */
  at: number;
  order: SortKey;
  /** Whether a cluster grew by more than noise, or differs from those of B. Only the order by growth knows. */
  grew: boolean;
  /** Whether the order by growth is that of the difference from B. */
  isFromB: boolean;
  /** The cluster of each card. */
  cards: number[];
  /** The class by which each cluster is coloured in its history: its most frequent one at the last checkpoint. */
  colourClasses: number[];
  /** Neighbouring cards with the same most frequent class; only in the order by class. */
  groups: { class_index: number; first: number; count: number }[];
}

export class CardSorter {
  sorted = $state.raw<SortedCards | null>(null);
  #refreshCount = $state(0);
  readonly #store: Store;
  /** The checkpoint that the user chose, from the address; null for the default of the order. */
  readonly #userCheckpoint = $derived.by(() => {
    const wanted = this.#store.option(OPTION, '');
    return /^\d+$/.test(wanted) ? Number(wanted) : null;
  });

  constructor(
    store: Store,
    clusterSets: ClusterSets,
    request: () => { key: string; choice: SetChoice | null; order: SortKey },
    ofB: ClustersOfB,
  ) {
    this.#store = store;
    const autoRetry = new AutoRetry(() => (this.#refreshCount += 1));
    let sortedKey = '';
    let previousChoiceKey = '';
    $effect(() => {
      const { key: choiceKey, choice, order } = request();
      // A checkpoint in the address belongs to the set and order that it was chosen for: another choice clears it.
      const choiceChanged = previousChoiceKey !== '' && previousChoiceKey !== `${choiceKey}/${order}`;
      if (choiceChanged && this.#userCheckpoint !== null) untrack(() => store.setOption(OPTION, '', ''));
      if (choice) previousChoiceKey = `${choiceKey}/${order}`;
      const userCheckpoint = choiceChanged ? null : this.#userCheckpoint;
      // Where the reference is B and its clusters are of the same images, the order by growth is by difference from B.
      const readDissimilarity = order === 'grew' ? ofB.readDissimilarity : null;
      const keyOfB = readDissimilarity ? `${secondRun.id}/${JSON.stringify(ofB.choice)}` : '';
      const key = `${choiceKey}/${order}/${userCheckpoint}/${this.#refreshCount}/${keyOfB}`;
      const history = clusterSets.history.value;
      const clusteredCheckpoints = history?.checkpoints;
      const last = clusteredCheckpoints?.[clusteredCheckpoints.length - 1];
      // While B is being read, the cards are not sorted by the growth of A in between.
      if (order === 'grew' && reference.isOther && !secondRun.run && !secondRun.error) return;
      if (key === sortedKey || !choice || !history || !clusteredCheckpoints || last === undefined) return;
      let current = true;
      untrack(() => {
        const shown = clusterSets.now.value?.checkpoint ?? store.checkpoint;
        const at = orderingCheckpoint({ order, userCheckpoint, shown, clusteredCheckpoints }) ?? last;
        Promise.all([
          Promise.all([at, last].map((c) => clusterSets.read(c, choice))),
          readDissimilarity?.(at, choice) ?? (order === 'grew' ? this.#growth(history, at) : []),
        ]).then(
          ([[set, end], growth]) => {
            if (!current) return;
            sortedKey = key;
            autoRetry.done();
            const cards = orderCards(order, set.clusters, growth);
            this.sorted = {
              at: set.checkpoint,
              order,
              grew: growth.some((change) => change > 0),
              isFromB: readDissimilarity !== null,
              cards,
              colourClasses: end.clusters.map((one) => dominant(one.mix)),
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

  /** Growth within the open run: since its reference checkpoint, or since `store.before` while the reference is run B. */
  #growth(history: SizeHistory, current: number): number[] {
    const { run, before } = this.#store;
    const since = reference.own < 0 ? before : reference.own;
    return clusterGrowth(history, { reference: since, current, beginsUntrained: beginsUntrained(run) });
  }

  /** Computes the order again: by this checkpoint, or by the default of the order. */
  recompute(checkpoint: number | null = null): void {
    this.#store.setOption(OPTION, checkpoint === null ? '' : String(checkpoint), '');
    this.#refreshCount += 1;
  }

  /** The cluster of each card; in index order until the order is computed. */
  cards(clusters: number): number[] {
    const cards = this.sorted?.cards;
    return cards?.length === clusters ? cards : Array.from({ length: clusters }, (_, k) => k);
  }
}
