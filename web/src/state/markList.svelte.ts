/** The marks of the open run: in the address, and in local storage for the next visit. */
import {
  cleanName,
  formatMarks,
  nextMark,
  parseMarks,
  storedMarks,
  storeMarks,
  toggledMark,
  type Mark,
} from './marks';
import type { Store } from './store.svelte';

export class MarkList {
  #store: Store;
  readonly list = $derived.by<Mark[]>(() =>
    parseMarks(this.#store.option('marks', '')).filter((mark) => mark.checkpoint <= this.#store.last),
  );

  constructor(store: Store) {
    this.#store = store;
  }

  at(checkpoint: number): Mark | null {
    return this.list.find((mark) => mark.checkpoint === checkpoint) ?? null;
  }

  toggle(checkpoint: number): void {
    this.#save(toggledMark(this.list, checkpoint));
  }

  name(checkpoint: number, text: string): void {
    const others = this.list.filter((mark) => mark.checkpoint !== checkpoint);
    this.#save([...others, { checkpoint, name: cleanName(text) }]);
  }

  /** To the next mark in a direction, where there is one. */
  step(by: 1 | -1): void {
    const to = nextMark(this.list, this.#store.checkpoint, by);
    if (to !== null) this.#store.go(to);
  }

  /** The options with the marks stored at the last visit, where the address has none. */
  static withStored(run: string, options: Record<string, string>): Record<string, string> {
    const kept = 'marks' in options ? null : storedMarks(run);
    return kept ? { ...options, marks: kept } : options;
  }

  #save(marks: Mark[]): void {
    const text = formatMarks(marks);
    if (this.#store.run) storeMarks(this.#store.run.id, text);
    this.#store.setOption('marks', text, '');
  }
}
