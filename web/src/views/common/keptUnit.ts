/** The unit that a key is about: of the card that is kept, or the pinned one where filters are shown. */
import type { OffUnit } from '../../state/offUnits';
import type { Store } from '../../state/store.svelte';
import { card } from './card/card.svelte';

export function keptUnit(store: Store): OffUnit | null {
  // Only the open run's can be switched off.
  if (card.shown?.kept) return card.shown.unit.run === 'b' ? null : card.shown.unit;
  return store.view === 'filters' && store.filter !== null
    ? { layer: store.layer, filter: store.filter }
    : null;
}
