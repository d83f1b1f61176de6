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

/** The part of the store that marks need. */
export interface MarkOwner {
  readonly run: { id: string } | null;
  readonly last: number;
  readonly checkpoint: number;
  option(name: string, fallback: string): string;
  setOption(name: string, value: string, fallback: string): void;
  go(checkpoint: number): void;
}

export class MarkList {
  readonly #owner: MarkOwner;
  readonly list = $derived.by<Mark[]>(() =>
    parseMarks(this.#owner.option('marks', '')).filter((mark) => mark.checkpoint <= this.#owner.last),
  );

  constructor(owner: MarkOwner) {
    this.#owner = owner;
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
    const to = nextMark(this.list, this.#owner.checkpoint, by);
    if (to !== null) this.#owner.go(to);
  }

  /** The options with the marks stored at the last visit, where the address has none. */
  static withStored(run: string, options: Record<string, string>): Record<string, string> {
    const stored = 'marks' in options ? null : storedMarks(run);
    return stored ? { ...options, marks: stored } : options;
  }

  #save(marks: Mark[]): void {
    const text = formatMarks(marks);
    if (this.#owner.run) storeMarks(this.#owner.run.id, text);
    this.#owner.setOption('marks', text, '');
  }
}
