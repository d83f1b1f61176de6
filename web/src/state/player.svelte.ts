/**
 * Playback: a clock, not a queue. A tick moves to the next readable checkpoint when its time has come and every view shows
 * the present one; a view that takes too long is not waited for. Speed and loop are in the address.
 */
import { nextReadable } from './checkpoints';
import { formatLoop, parseLoop, playBounds, rangeOf, type Loop } from './loop';
import type { Store } from './store.svelte';

/** Checkpoints a second. */
export const SPEEDS = [1, 5, 10, 25, 60] as const;
const DEFAULT_SPEED = 10;
const MAX_WAIT_MS = 1000;
/** A frame comes a little early or late: a tick due this soon is taken now. */
const SLACK_MS = 4;

export class Player {
  playing = $state(false);
  #store: Store;
  #due = 0;
  #frame = 0;
  readonly speed = $derived.by(() => {
    const said = Number(this.#store.option('speed', ''));
    return said >= 1 && said <= 60 ? said : DEFAULT_SPEED;
  });
  readonly loop = $derived.by<Loop>(() => parseLoop(this.#store.option('loop', '')));

  constructor(store: Store) {
    this.#store = store;
  }

  setSpeed(speed: number): void {
    this.#store.setOption('speed', String(speed), String(DEFAULT_SPEED));
  }

  /** Changes to the next faster or slower of the speeds. */
  changeSpeed(by: 1 | -1): void {
    const at = SPEEDS.findLastIndex((speed) => speed <= this.speed);
    this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + by))]);
  }

  setLoop(loop: Loop): void {
    this.#store.setOption('loop', formatLoop(loop), '');
  }

  toggleLoop(): void {
    this.setLoop(this.loop === 'off' ? 'all' : 'off');
  }

  /** Sets one end of the loop; the other stays, or is the end of the run. */
  setLoopEnd(end: 'from' | 'to', checkpoint: number): void {
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
    // With reduced motion, play is one step.
    if (globalThis.matchMedia?.('(prefers-reduced-motion: reduce)').matches) return store.step(1);
    const [from, to] = playBounds(this.loop, store.last);
    const ended = store.checkpoint >= to || nextReadable(points, store.checkpoint, 1) === store.checkpoint;
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
    if (late >= -SLACK_MS && (store.staleViews.shownCheckpoint === null || late > MAX_WAIT_MS)) {
      const [from, to] = playBounds(this.loop, store.last);
      const next = nextReadable(store.run?.checkpoints ?? [], store.checkpoint, 1);
      if (next !== store.checkpoint && next <= to) store.moveTo(next);
      else if (this.loop !== 'off') store.moveTo(from);
      else return this.stop();
      // From the due time, so that speed is kept; from now where playback fell behind.
      this.#due = (late > 1000 / this.speed ? time : this.#due) + 1000 / this.speed;
    }
    this.#frame = requestAnimationFrame(this.#tick);
  };
}
