// The seats of the clusters: arranged once for each choice, and again only when asked, so that nothing moves while
// one scrubs and a live run does not reshuffle the page.
import { untrack } from 'svelte';
import { AutoRetry } from '../../state/connection.svelte';
import type { Store } from '../../state/store.svelte';
import { dominant, orderedAt, seatGroups, seatOrder, type Order } from './data';
import type { Feed, SetChoice } from './live.svelte';

export interface Arrangement {
  /** The checkpoint whose clusters gave the order. */
  at: number;
  seats: number[];
  /** The class each cluster is coloured by in its history: its most frequent one at the last checkpoint. */
  colours: number[];
  groups: { class_index: number; first: number; count: number }[];
}

export class Seating {
  arrangement = $state.raw<Arrangement | null>(null);
  #again = $state(0);
  /** The checkpoint that was asked for by hand; null for the order's own. */
  #asked: number | null = null;

  constructor(
    store: Store,
    feed: Feed,
    request: () => { key: string; choice: SetChoice | null; order: Order },
  ) {
    const autoRetry = new AutoRetry(() => (this.#again += 1));
    let arranged = '';
    let of = '';
    $effect(() => {
      const { key: choiceKey, choice, order } = request();
      // What was asked for was asked of another set or order.
      if (of !== `${choiceKey}/${order}`) this.#asked = null;
      of = `${choiceKey}/${order}`;
      const key = `${choiceKey}/${order}/${this.#again}`;
      const counted = feed.history.value?.checkpoints;
      const last = counted?.[counted.length - 1];
      if (key === arranged || !choice || !counted || last === undefined) return;
      let current = true;
      untrack(() => {
        const shown = feed.now.value?.checkpoint ?? store.checkpoint;
        const reference = orderedAt({ order, asked: this.#asked, shown, counted }) ?? last;
        const asked = [reference, last, store.before].map((c) =>
          counted.includes(c) ? feed.read(c, choice) : null,
        );
        Promise.all(asked).then(
          ([set, end, before]) => {
            if (!current || !set || !end) return;
            arranged = key;
            autoRetry.done();
            const seats = seatOrder(order, set.clusters, before?.clusters ?? null);
            this.arrangement = {
              at: set.checkpoint,
              seats,
              colours: end.clusters.map((one) => dominant(one.mix)),
              groups: order === 'class' ? seatGroups(seats, set.clusters) : [],
            };
          },
          (error: unknown) => current && autoRetry.failed(error),
        );
      });
      return () => (current = false);
    });
    $effect(() => () => autoRetry.done());
  }

  /** Arranges anew: for this checkpoint, or as the order itself says. */
  renew(checkpoint: number | null = null): void {
    this.#asked = checkpoint;
    this.#again += 1;
  }

  /** The seats for so many clusters, in index order until they are arranged. */
  seats(clusters: number): number[] {
    const seats = this.arrangement?.seats;
    return seats?.length === clusters ? seats : Array.from({ length: clusters }, (_, k) => k);
  }
}
