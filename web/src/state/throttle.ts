/**
 * Throttles work, leading and trailing: the first call runs at once; of those that follow within the interval only the
 * latest runs, when the interval has passed. A waiting call counts as work for the idle signal.
 */
import { begin, end } from '../base/idle';

export class Throttle {
  readonly #interval_ms: number;
  #last = -Infinity;
  #waiting: (() => void) | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(interval_ms: number) {
    this.#interval_ms = interval_ms;
  }

  run(work: () => void): void {
    const left_ms = this.#last + this.#interval_ms - performance.now();
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

  /** Drops the waiting call. */
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
