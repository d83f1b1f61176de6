// The classes of the confusion view: their order, which are unfolded, and the mapping from a position to its class.
import type { Store } from '../../../state/store.svelte';
import type { Cell, Counts } from './data';
import { classOrder, findClass, formatZoom, parseZoom, groupClasses, type ClassOrdering } from './order';

export interface OrderInputs {
  names: string[];
  /** Counts that give the order: those of the last checkpoint, so that nothing moves while scrubbing. */
  last: Counts | null;
  /** More classes than this are folded. */
  max: number;
}

export class ClassOrder {
  #store: Store;
  #inputs: () => OrderInputs;
  readonly order = $derived.by(() => this.#store.option('confusion.order', 'class') as ClassOrdering);
  readonly ordered = $derived.by(() => {
    const { names, last } = this.#inputs();
    return last ? classOrder(this.order, last, names.length) : names.map((_, k) => k);
  });
  readonly zoom = $derived.by(() =>
    parseZoom(this.#store.option('confusion.zoom', ''), this.#inputs().names.length),
  );
  readonly view = $derived.by(() => {
    const { names, max } = this.#inputs();
    return groupClasses(names, this.ordered, this.zoom, max);
  });
  /** Position of the selected class; null where it shares one. */
  readonly chosen = $derived.by(() => {
    const at = this.view.groups.findIndex(
      (group) => group.length === 1 && group[0] === this.#store.classChosen,
    );
    return at < 0 ? null : at;
  });

  constructor(store: Store, inputs: () => OrderInputs) {
    this.#store = store;
    this.#inputs = inputs;
  }

  /** The classes of a cell in the view; the first of those folded together. */
  classOf(place: Cell): Cell {
    const { groups } = this.view;
    return { truth: groups[place.truth][0], predicted: groups[place.predicted][0] };
  }

  single(place: Cell): boolean {
    const { groups } = this.view;
    return groups[place.truth].length === 1 && groups[place.predicted].length === 1;
  }

  choose(place: number): void {
    const group = this.view.groups[place];
    if (group.length === 1) this.#store.chooseClass(group[0]);
  }

  setOrder(next: ClassOrdering): void {
    this.setZoom('');
    this.#store.setOption('confusion.order', next, 'class');
  }

  setZoom(zoom: string): void {
    this.#store.setOption('confusion.zoom', zoom, '');
  }

  /** Unfolds a cell of several classes into them. */
  unfold(place: Cell): void {
    const { groups } = this.view;
    const inside = new Set([...groups[place.truth], ...groups[place.predicted]]);
    this.setZoom(formatZoom(this.ordered.flatMap((k, n) => (inside.has(k) ? [n] : []))));
  }

  /** Selects and unfolds the class that was typed; returns its cell with the most errors. */
  find(text: string): Cell | null {
    const { names, last } = this.#inputs();
    const k = findClass(names, text);
    if (k === null) return null;
    if (this.#store.classChosen !== k) this.#store.chooseClass(k);
    if (this.view.folded) {
      const from = Math.max(0, Math.min(names.length - 20, this.ordered.indexOf(k) - 10));
      this.setZoom(`${from}-${Math.min(names.length - 1, from + 19)}`);
    }
    if (!last) return null;
    const row = names.map((_, j) => (j === k ? -1 : last[k * names.length + j]));
    return { truth: k, predicted: row.indexOf(Math.max(...row)) };
  }
}
