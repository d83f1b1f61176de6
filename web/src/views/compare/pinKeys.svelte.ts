// Keys of the comparison: left and right move the pin through the filters of all layers, up and down go from checkpoint
// to checkpoint, the card goes with them; Enter keeps it.
import type { Store } from '../../state/store.svelte';
import { card, type Box, type Unit } from '../common/card/card.svelte';
import type { Column } from './layout';

/** Where a row shows a filter. */
export interface PinPlace {
  unit: Unit;
  box: Box;
}

interface Context {
  store: Store;
  columns: () => readonly Column[];
  rows: () => number;
  /** The place of the pinned filter in a row, brought into sight; null where the row does not show it. */
  placeIn: (row: number) => PinPlace | null;
}

export class PinKeys {
  #row = $state<number | null>(null);
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** The row that the keys are in; that of the current checkpoint, which is the last, at first. */
  readonly row = $derived.by(() => {
    const last = this.#context.rows() - 1;
    return Math.min(last, this.#row ?? last);
  });

  /** Handles a key; true where it was one of these. */
  press(event: KeyboardEvent): boolean {
    if (event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return false;
    const across = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const down = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (event.key !== 'Enter' && across === undefined && down === undefined) return false;
    if (down !== undefined) this.#row = Math.min(this.#context.rows() - 1, Math.max(0, this.row + down));
    if (across !== undefined) this.#move(across);
    const place = this.#context.placeIn(this.row);
    if (place && event.key === 'Enter') card.keep(place.unit, place.box);
    else if (place) card.rest(place.unit, place.box);
    event.preventDefault();
    event.stopPropagation();
    return true;
  }

  #move(by: number): void {
    const { store, columns } = this.#context;
    const tiles = columns().flatMap((column) =>
      column.filters.map((filter, n) => ({
        layer: column.layer,
        filter,
        channel: column.channels?.[n] ?? null,
      })),
    );
    const at = tiles.findIndex((tile) => tile.layer === store.layer && tile.filter === store.filter);
    const to = tiles[Math.min(tiles.length - 1, Math.max(0, at + by))];
    if (to) store.choose(to);
  }
}
