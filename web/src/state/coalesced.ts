/**
 * Work that is asked for more often than it can be done: the first is done at once; whatever is asked for until it is done
 * and has come to rest is answered by one more, which finds the newest.
 */
export class Coalesced {
  readonly #work: () => Promise<void>;
  readonly #rest: () => Promise<void>;
  #round: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** `rest` resolves when the next may begin; it is called after each work, also after one that failed. */
  constructor(work: () => Promise<void>, rest: () => Promise<void>) {
    this.#work = work;
    this.#rest = rest;
  }

  /** Settles as the work does that was begun after this call. */
  run(): Promise<void> {
    if (!this.#round) return this.#begin();
    this.#next ??= this.#round.then(() => {
      this.#next = null;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<void> {
    const work = this.#work();
    this.#round = work
      .catch(() => undefined)
      .then(this.#rest)
      .then(() => void (this.#round = null));
    return work;
  }
}
