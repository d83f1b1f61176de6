/**
 * Coalesces calls that come faster than the work can be done: the first call runs at once; all calls during the run and
 * the pause after it share one further run, which reads the newest state.
 */
export class Coalesced {
  readonly #work: () => Promise<void>;
  readonly #pause: () => Promise<void>;
  #current: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** `pause` resolves when the next run may begin; it is called after each run, also after one that failed. */
  constructor(work: () => Promise<void>, pause: () => Promise<void>) {
    this.#work = work;
    this.#pause = pause;
  }

  /** Settles as the run does that began after this call. */
  run(): Promise<void> {
    if (!this.#current) return this.#begin();
    this.#next ??= this.#current.then(() => {
      this.#next = null;
      return this.#begin();
    });
    return this.#next;
  }

  #begin(): Promise<void> {
    const work = this.#work();
    this.#current = work
      .catch(() => undefined)
      .then(this.#pause)
      .then(() => void (this.#current = null));
    return work;
  }
}
