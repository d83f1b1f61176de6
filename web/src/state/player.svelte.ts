/**
 * Playback: a clock, not a queue. A tick moves to the next readable checkpoint when its time has come and every view shows
 * the present one; a view that takes too long is not waited for. Speed and loop are in the address.
 */
import { nextReadable } from './checkpoints';
import { formatLoop, parseLoop, playBounds, rangeOf, type Loop } from './loop';
import type { Checkpoint } from '../api/types';

/** Checkpoints a second. */
export const SPEEDS = [1, 5, 10, 25, 60] as const;
const DEFAULT_SPEED = 10;
const MAX_WAIT_MS = 1000;
/** A frame comes a little early or late: a tick that is due this soon is executed now. */
const SLACK_MS = 4;

/** The part of the store that playback needs. */
export interface PlayerOwner {
  readonly run: { checkpoints: Checkpoint[] } | null;
  readonly last: number;
  readonly checkpoint: number;
  readonly staleViews: { readonly shownCheckpoint: number | null };
  option(name: string, fallback: string): string;
  setOption(name: string, value: string, fallback: string): void;
  /** Stops following the newest checkpoint. */
  unfollow(): void;
  moveTo(checkpoint: number): void;
  step(by: 1 | -1): void;
}

export class Player {
  playing = $state(false);
  readonly #owner: PlayerOwner;
  #due = 0;
  #frame = 0;
  readonly speed = $derived.by(() => {
    const option = Number(this.#owner.option('speed', ''));
    return option >= 1 && option <= 60 ? option : DEFAULT_SPEED;
  });
  readonly loop = $derived.by<Loop>(() => parseLoop(this.#owner.option('loop', '')));

  constructor(owner: PlayerOwner) {
    this.#owner = owner;
  }

  setSpeed(speed: number): void {
    this.#owner.setOption('speed', String(speed), String(DEFAULT_SPEED));
  }

  /** Changes to the next faster or slower of the speeds. */
  changeSpeed(by: 1 | -1): void {
    const at = SPEEDS.findLastIndex((speed) => speed <= this.speed);
    this.setSpeed(SPEEDS[Math.min(SPEEDS.length - 1, Math.max(0, at + by))]);
  }

  setLoop(loop: Loop): void {
    this.#owner.setOption('loop', formatLoop(loop), '');
  }

  toggleLoop(): void {
    this.setLoop(this.loop === 'off' ? 'all' : 'off');
  }

  /** Sets one end of the loop; the other stays, or is the end of the run. */
  setLoopEnd(end: 'from' | 'to', checkpoint: number): void {
    const [from, to] = playBounds(this.loop, this.#owner.last);
    if (end === 'from') this.setLoop(rangeOf(checkpoint, to > checkpoint ? to : this.#owner.last));
    else this.setLoop(rangeOf(from < checkpoint ? from : 0, checkpoint));
  }

  toggle(): void {
    if (this.playing) this.stop();
    else this.play();
  }

  play(): void {
    const owner = this.#owner;
    const points = owner.run?.checkpoints ?? [];
    if (points.length < 2) return;
    owner.unfollow();
    // With reduced motion, play is one step.
    if (globalThis.matchMedia?.('(prefers-reduced-motion: reduce)').matches) return owner.step(1);
    const [from, to] = playBounds(this.loop, owner.last);
    const ended = owner.checkpoint >= to || nextReadable(points, owner.checkpoint, 1) === owner.checkpoint;
    if (ended || owner.checkpoint < from) owner.moveTo(from);
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
    const owner = this.#owner;
    const late = time - this.#due;
    if (late >= -SLACK_MS && (owner.staleViews.shownCheckpoint === null || late > MAX_WAIT_MS)) {
      const [from, to] = playBounds(this.loop, owner.last);
      const next = nextReadable(owner.run?.checkpoints ?? [], owner.checkpoint, 1);
      if (next !== owner.checkpoint && next <= to) owner.moveTo(next);
      else if (this.loop !== 'off') owner.moveTo(from);
      else return this.stop();
      // Counted from the due time, so that the speed is right; from now where playback fell behind.
      this.#due = (late > 1000 / this.speed ? time : this.#due) + 1000 / this.speed;
    }
    this.#frame = requestAnimationFrame(this.#tick);
  };
}
