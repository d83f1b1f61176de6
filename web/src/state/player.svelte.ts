/**
 * Play: a clock, not a queue. A tick moves to the next readable checkpoint when its time has come and every picture of
 * the present one is on the screen; a picture that takes too long is not waited for. Speed and loop are in the address.
 */
import { readable } from './checkpoints';
import { formatLoop, parseLoop, playBounds, rangeOf, type Loop } from './loop';
import type { Store } from './store.svelte';

/** Checkpoints a second. */
export const SPEEDS = [1, 5, 10, 25, 60] as const;
const USUAL = 10;
const PATIENCE_MS = 1000;
/** A frame comes a little early or late: a tick due this soon is taken now. */
const SLACK_MS = 4;

export class Player {
  playing = $state(false);
  #store: Store;
  #due = 0;
  #frame = 0;
  readonly speed = $derived.by(() => {
    const said = Number(this.#store.option('speed', ''));
    return said >= 1 && said <= 60 ? said : USUAL;
  });
  readonly loop = $derived.by<Loop>(() => parseLoop(this.#store.option('loop', '')));

  constructor(store: Store) {
    this.#store = store;
  }

  setSpeed(speed: number): void {
    this.#store.setOption('speed', String(speed), String(USUAL));
  }

  /** The next faster or slower of the speeds. */
  shift(by: 1 | -1): void {
    const at = SPEEDS.findLastIndex((speed) => speed <= this.speed);
    this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + by))]);
  }

  setLoop(loop: Loop): void {
    this.#store.setOption('loop', formatLoop(loop), '');
  }

  toggleLoop(): void {
    this.setLoop(this.loop === 'off' ? 'all' : 'off');
  }

  /** One end of the loop here; the other stays, or is the end of the run. */
  bound(end: 'from' | 'to', checkpoint: number): void {
    const [from, to] = playBounds(this.loop, this.#store.last);
    if (end === 'from') this.setLoop(rangeOf(checkpoint, to > checkpoint ? to : this.#store.last));
    else this.setLoop(rangeOf(from < checkpoint ? from : 0, checkpoint));
  }

  toggle(): void {
    if (this.playing) this.stop();
    else this.play();
  }

  play(): void {
    const store = this.#store;
    const points = store.run?.checkpoints ?? [];
    if (points.length < 2) return;
    store.follow = false;
    // Where motion is not wanted, play is one step.
    if (globalThis.matchMedia?.('(prefers-reduced-motion: reduce)').matches) return store.step(1);
    const [from, to] = playBounds(this.loop, store.last);
    const ended = store.checkpoint >= to || readable(points, store.checkpoint, 1) === store.checkpoint;
    if (ended || store.checkpoint < from) store.moveTo(from);
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
    if (late >= -SLACK_MS && (store.showing === null || late > PATIENCE_MS)) {
      const [from, to] = playBounds(this.loop, store.last);
      const next = readable(store.run?.checkpoints ?? [], store.checkpoint, 1);
      if (next !== store.checkpoint && next <= to) store.moveTo(next);
      else if (this.loop !== 'off') store.moveTo(from);
      else return this.stop();
      // From when it was due, so that speed is kept; from now when we fell behind.
      this.#due = (late > 1000 / this.speed ? time : this.#due) + 1000 / this.speed;
    }
    this.#frame = requestAnimationFrame(this.#tick);
  };
}
