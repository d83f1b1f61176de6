/** The unit that a key applies to: that of the pinned card, or the pinned filter where filters are shown. */
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
