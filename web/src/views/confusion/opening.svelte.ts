// Which cell is open: kept by a click, else the one last pointed at (both are in the address), else the worst.
import { untrack } from 'svelte';
import type { Store } from '../../state/store.svelte';
import { formatCell, parseCell, worstCell, type Cell, type Counts } from './data';
import type { Lists } from './lists.svelte';
import type { Ordering } from './ordering.svelte';

const DWELL_MS = 90;

export interface Around {
  store: Store;
  ordering: Ordering;
  lists: Lists;
  /** The last counts of the run, from which the worst cell is known; null while they are read. */
  last: () => Counts | null;
}

export class Opening {
  #worst = $state.raw<Cell | null>(null);
  #dwell: ReturnType<typeof setTimeout> | undefined;
  readonly #around: Around;

  readonly kept = $derived.by<Cell | null>(() => {
    const { store } = this.#around;
    return parseCell(store.option('confusion.cell', ''), store.run?.classes.length ?? 0);
  });
  readonly pointed = $derived.by<Cell | null>(() => {
    const { store } = this.#around;
    return parseCell(store.option('confusion.at', ''), store.run?.classes.length ?? 0);
  });
  readonly cell = $derived.by<Cell | null>(() => this.kept ?? this.pointed ?? this.#worst);

  constructor(around: Around) {
    this.#around = around;
    $effect(() => {
      const last = around.last();
      const classes = around.store.run?.classes.length ?? 0;
      if (last && classes > 1) untrack(() => (this.#worst ??= worstCell(last, classes)));
    });
  }

  /** The pointer rests on a cell, or leaves (null). */
  point(cell: Cell | null): void {
    clearTimeout(this.#dwell);
    if (cell && !this.kept) this.#dwell = setTimeout(() => this.show(cell), DWELL_MS);
  }

  /** Opens a cell until another is pointed at. */
  show(cell: Cell): void {
    this.#around.store.setOption('confusion.at', formatCell(cell), '');
  }

  /** A click on a place of the matrix: a cell is kept, a block of several unfolds. */
  keepPlace(place: Cell): void {
    const { ordering } = this.#around;
    if (ordering.single(place)) this.keep(ordering.classOf(place));
    else ordering.unfold(place);
  }

  /** Keeps a cell open; the same again lets it go. */
  keep(cell: Cell): void {
    const { store, lists } = this.#around;
    const again = lists.panel === 'cell' && this.#isKept(cell);
    clearTimeout(this.#dwell);
    this.show(cell);
    store.setOption('confusion.panel', 'cell', 'cell');
    store.setOption('confusion.cell', again ? '' : formatCell(cell), '');
  }

  release(): void {
    if (this.kept) this.show(this.kept);
    this.#around.store.setOption('confusion.cell', '', '');
  }

  focusPlace(place: Cell): void {
    const { store, ordering } = this.#around;
    const cell = ordering.classOf(place);
    if (!this.kept) this.show(cell);
    else if (!this.#isKept(cell)) store.setOption('confusion.cell', formatCell(cell), '');
  }

  #isKept(cell: Cell): boolean {
    return this.kept?.truth === cell.truth && this.kept.predicted === cell.predicted;
  }
}
