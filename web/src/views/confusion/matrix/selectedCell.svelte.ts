// The selected cell: the one pinned by a click, else the one last hovered (both are in the address), else the worst.
import { untrack } from 'svelte';
import type { Store } from '../../../state/store.svelte';
import { formatCell, parseCell, worstCell, type Cell, type Counts } from './data';
import type { Panels } from '../panels.svelte';
import type { ClassOrder } from './classOrder.svelte';

const DWELL_MS = 90;

export interface SelectedCellContext {
  store: Store;
  classOrder: ClassOrder;
  panels: Panels;
  /** The last counts of the run, which give the worst cell; null while they are read. */
  last: () => Counts | null;
}

export class SelectedCell {
  #worst = $state.raw<Cell | null>(null);
  #dwell: ReturnType<typeof setTimeout> | undefined;
  readonly #context: SelectedCellContext;

  readonly pinned = $derived.by<Cell | null>(() => {
    const { store } = this.#context;
    return parseCell(store.option('confusion.cell', ''), store.run?.classes.length ?? 0);
  });
  readonly hovered = $derived.by<Cell | null>(() => {
    const { store } = this.#context;
    return parseCell(store.option('confusion.at', ''), store.run?.classes.length ?? 0);
  });
  readonly cell = $derived.by<Cell | null>(() => this.pinned ?? this.hovered ?? this.#worst);

  constructor(context: SelectedCellContext) {
    this.#context = context;
    $effect(() => {
      const last = context.last();
      const classes = context.store.run?.classes.length ?? 0;
      if (last && classes > 1) untrack(() => (this.#worst ??= worstCell(last, classes)));
    });
  }

  /** The pointer rests on a cell, or leaves (null). */
  hover(cell: Cell | null): void {
    clearTimeout(this.#dwell);
    if (cell && !this.pinned) this.#dwell = setTimeout(() => this.show(cell), DWELL_MS);
  }

  /** Selects a cell until another is hovered. */
  show(cell: Cell): void {
    this.#context.store.setOption('confusion.at', formatCell(cell), '');
  }

  /** A click on a position of the matrix: pins a cell, unfolds a block of several. */
  pinAt(place: Cell): void {
    const { classOrder } = this.#context;
    if (classOrder.single(place)) this.pin(classOrder.classOf(place));
    else classOrder.unfold(place);
  }

  /** Pins a cell; the same again unpins it. */
  pin(cell: Cell): void {
    const { store, panels } = this.#context;
    const isBeside = panels.panel === 'cell' || panels.panel === 'costs';
    const isSame = isBeside && this.#isPinned(cell);
    clearTimeout(this.#dwell);
    this.show(cell);
    // What a class loses stays beside the matrix: its class is that of the cell.
    if (panels.panel !== 'costs') store.setOption('confusion.panel', 'cell', panels.standard);
    store.setOption('confusion.cell', isSame ? '' : formatCell(cell), '');
  }

  unpin(): void {
    if (this.pinned) this.show(this.pinned);
    this.#context.store.setOption('confusion.cell', '', '');
  }

  focusAt(place: Cell): void {
    const { store, classOrder } = this.#context;
    const cell = classOrder.classOf(place);
    if (!this.pinned) this.show(cell);
    else if (!this.#isPinned(cell)) store.setOption('confusion.cell', formatCell(cell), '');
  }

  #isPinned(cell: Cell): boolean {
    return this.pinned?.truth === cell.truth && this.pinned.predicted === cell.predicted;
  }
}
