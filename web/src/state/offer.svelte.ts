/**
 * What a view lets one take away: the requests it stands on, and its numbers as tables. Call it while a component is
 * being set up; it is worked out only when someone asks (a menu, the table beside the view):
 *
 *   offer(store, () => ({ requests: [address], tables: [{ name: 'Recall', head: ['class', 'recall'], rows }] }));
 *
 * Pictures need no offer: every element with `data-picture="name"` can be saved.
 */
import type { Store } from './store.svelte';

export interface Table {
  name: string;
  head: string[];
  rows: (string | number | null)[][];
}

export interface Offer {
  /** Absolute addresses. */
  requests: string[];
  tables: Table[];
}

export function offer(store: Store, what: () => Offer): void {
  $effect(() => {
    store.offer = what;
    return () => {
      if (store.offer === what) store.offer = null;
    };
  });
}
