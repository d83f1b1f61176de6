/**
 * Waits until a subject rests: work for the first of several subjects in a row is done at once, then only for one that
 * stays for `ms`. Work for the same subject (another checkpoint of it, for example) does not wait. A waiting call counts
 * as work for the idle signal.
 */
import { begin, end } from '../base/idle';

export interface Subject {
  name: string;
  ms: number;
}

export class Quiet {
  #subject: string | null = null;
  #changed = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #work: (() => void) | null = null;

  run({ name, ms }: Subject, work: () => void): void {
    const isNew = name !== this.#subject;
    const isRestless = performance.now() - this.#changed < ms;
    if (isNew) this.#changed = performance.now();
    this.#subject = name;
    if (!isNew && this.#timer !== undefined) {
      this.#work = work;
      return;
    }
    this.cancel();
    if (!isNew || !isRestless) return work();
    this.#work = work;
    begin();
    this.#timer = setTimeout(() => {
      const wanted = this.#work;
      this.cancel();
      wanted?.();
    }, ms);
  }

  /** Drops the waiting call. */
  cancel(): void {
    this.#work = null;
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    end();
  }
}
