/**
 * Throttles how often a history is read again while its run grows. The number of checkpoints is a part of the request's
 * key: `of` gives the newest one for a new subject and once in `MIN_MS`, else the last one, and calls `wake` when the time
 * is up.
 */
export const MIN_MS = 10_000;

export class Recount {
  readonly #wake: () => void;
  #subject = '';
  #count = 0;
  #at = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  of(subject: string, count: number): number {
    const left_ms = this.#at + MIN_MS - performance.now();
    if (subject === this.#subject && count === this.#count) return count;
    if (subject === this.#subject && left_ms > 0) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#wake();
      }, left_ms);
      return this.#count;
    }
    [this.#subject, this.#count, this.#at] = [subject, count, performance.now()];
    return count;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
