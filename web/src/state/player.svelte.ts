/**
 * Play: a clock, not a queue. A tick moves to the next readable checkpoint when its time has come and every picture of
 * the present one is on the screen; a picture that takes too long is not waited for.
 */
import { readable } from './checkpoints';
import type { Store } from './store.svelte';

export const SPEEDS = [2, 5, 10, 25] as const;
const PATIENCE_MS = 1000;

export class Player {
  playing = $state(false);
  speed = $state(10);
  loop = $state(false);
  #store: Store;
  #due = 0;
  #frame = 0;

  constructor(store: Store) {
    this.#store = store;
  }

  toggle(): void {
    if (this.playing) this.stop();
    else this.play();
  }

  play(): void {
    const { run, checkpoint } = this.#store;
    if (!run || run.checkpoints.length < 2) return;
    this.#store.follow = false;
    // Where motion is not wanted, play is one step.
    if (globalThis.matchMedia?.('(prefers-reduced-motion: reduce)').matches) return this.#store.step(1);
    if (readable(run.checkpoints, checkpoint, 1) === checkpoint) this.#store.moveTo(0);
    this.playing = true;
    this.#due = performance.now() + 1000 / this.speed;
    this.#frame = requestAnimationFrame(this.#tick);
  }

  stop(): void {
    this.playing = false;
    cancelAnimationFrame(this.#frame);
  }

  #tick = (time: number): void => {
    if (!this.playing) return;
    const store = this.#store;
    const late = time - this.#due;
    if (late >= 0 && (store.showing === null || late > PATIENCE_MS)) {
      const points = store.run?.checkpoints ?? [];
      const next = readable(points, store.checkpoint, 1);
      if (next !== store.checkpoint) store.moveTo(next);
      else if (this.loop) store.moveTo(0);
      else return this.stop();
      // From when it was due, so that speed is kept; from now when we fell behind.
      this.#due = (late > 1000 / this.speed ? time : this.#due) + 1000 / this.speed;
    }
    this.#frame = requestAnimationFrame(this.#tick);
  };
}
