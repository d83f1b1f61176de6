/**
 * Work that may come faster than it is worth doing: the first is done at once, those that follow within the pace are
 * replaced by the newest, which is done when the pace allows. What waits counts as work for the idle signal.
 */
import { begin, end } from '../base/idle';

export class Paced {
  readonly #pace_ms: number;
  #last = -Infinity;
  #waiting: (() => void) | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(pace_ms: number) {
    this.#pace_ms = pace_ms;
  }

  run(work: () => void): void {
    const left_ms = this.#last + this.#pace_ms - performance.now();
    if (this.#timer === undefined && left_ms <= 0) return this.#do(work);
    this.#waiting = work;
    if (this.#timer !== undefined) return;
    begin();
    this.#timer = setTimeout(() => {
      const wanted = this.#waiting;
      this.cancel();
      if (wanted) this.#do(wanted);
    }, left_ms);
  }

  /** What waits is not done. */
  cancel(): void {
    this.#waiting = null;
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    end();
  }

  #do(work: () => void): void {
    this.#last = performance.now();
    work();
  }
}
