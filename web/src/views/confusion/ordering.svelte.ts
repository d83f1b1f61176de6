// The classes as the confusion view shows them: their order, what is unfolded, and the way from a place to its class.
import type { Store } from '../../state/store.svelte';
import type { Cell, Counts } from './data';
import { classOrder, findClass, formatZoom, parseZoom, viewOf, type Order } from './order';

export interface Ground {
  names: string[];
  /** The counts that give the order: those of the last checkpoint, so that nothing moves while one scrubs. */
  last: Counts | null;
  /** More places than this are folded. */
  most: number;
}

export class Ordering {
  #store: Store;
  #ground: () => Ground;
  readonly order = $derived.by(() => this.#store.option('confusion.order', 'class') as Order);
  readonly ordered = $derived.by(() => {
    const { names, last } = this.#ground();
    return last ? classOrder(this.order, last, names.length) : names.map((_, k) => k);
  });
  readonly zoom = $derived.by(() =>
    parseZoom(this.#store.option('confusion.zoom', ''), this.#ground().names.length),
  );
  readonly view = $derived.by(() => {
    const { names, most } = this.#ground();
    return viewOf(names, this.ordered, this.zoom, most);
  });
  /** The place of the class chosen everywhere; null where it has none of its own. */
  readonly chosen = $derived.by(() => {
    const at = this.view.groups.findIndex(
      (group) => group.length === 1 && group[0] === this.#store.classChosen,
    );
    return at < 0 ? null : at;
  });

  constructor(store: Store, ground: () => Ground) {
    this.#store = store;
    this.#ground = ground;
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

  setOrder(next: Order): void {
    this.setZoom('');
    this.#store.setOption('confusion.order', next, 'class');
  }

  setZoom(zoom: string): void {
    this.#store.setOption('confusion.zoom', zoom, '');
  }

  /** A cell of several classes opens into them. */
  unfold(place: Cell): void {
    const { groups } = this.view;
    const inside = new Set([...groups[place.truth], ...groups[place.predicted]]);
    this.setZoom(formatZoom(this.ordered.flatMap((k, n) => (inside.has(k) ? [n] : []))));
  }

  /** The class that was typed: chosen, unfolded, and the cell in which most of its images are lost. */
  find(text: string): Cell | null {
    const { names, last } = this.#ground();
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
