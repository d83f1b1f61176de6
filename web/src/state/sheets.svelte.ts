/**
 * The picture of a layer at the playhead's checkpoint: a sheet, on which its filters, or their activation maps for an image,
 * are tiles. Call it while a component is being set up:
 *
 *   const bank = sheets(store, 'bank', () => ({ layer: store.layer, normalise: 'sheet' }));
 *   $effect(() => { if (bank.shown) draw(bank.shown.picture, bank.shown.picture.sheet) });
 *
 * `bank.shown` holds the last decoded picture with the checkpoint and request it answers; it changes in one frame, and
 * only to a decoded picture, so nothing ever blanks or flickers. Neighbours are fetched ahead in the direction of
 * travel. While the right picture is in flight the timeline's handle is hollow and says which checkpoint is still shown. When the
 * layer or another choice changes (not the checkpoint), the old picture also stays until the new one has arrived: lay
 * the page out from `bank.shown`, not from the request.
 */
import { untrack } from 'svelte';
import { isAbort } from '../api/client';
import { pictures, type Picture } from '../api/pictures';
import { sheetUrl, stripUrl, type SheetRequest } from '../api/pictureUrls';
import type { Run } from '../api/types';
import { chunks, neighbours } from './checkpoints';
import { AutoRetry } from './connection.svelte';
import type { Store } from './store.svelte';

export type SheetChoice = Omit<SheetRequest, 'run' | 'checkpoint' | 'hash'> & {
  /** A fixed checkpoint instead of the playhead (Compare's rows). */
  at?: number;
};

export interface Shown {
  checkpoint: number;
  choice: SheetChoice;
  picture: Picture;
}

const AHEAD = 8;
const BEHIND = 3;
/** From this number of checkpoints on neighbours are fetched as strips. */
const STRIP_FROM = 24;
/** Checkpoints per strip, for pictures of weights, of weights over the image, and of activations. */
const STRIP = { weights: 16, pixels: 4, maps: 8 };

export class Sheets {
  shown = $state.raw<Shown | null>(null);
  pending = $state(false);
  slow = $state(false);
  error = $state.raw<unknown>(null);
  #retryCount = $state(0);
  /** The strips that were prefetched last. */
  #ahead = '';
  readonly #store: Store;
  readonly #view: string;
  readonly #autoRetry = new AutoRetry(() => {
    this.#ahead = '';
    this.#retryCount += 1;
  });

  constructor(store: Store, view: string, choose: () => SheetChoice | null) {
    this.#store = store;
    this.#view = view;
    $effect(() => {
      void this.#retryCount;
      const choice = choose();
      const run = store.run;
      if (!run || !choice) return;
      const at = choice.at ?? store.checkpoint;
      return untrack(() => this.#ask(run, choice, at));
    });
    $effect(() => () => {
      this.#autoRetry.done();
      this.#markStale(null);
    });
  }

  #markStale(shown: number | null): void {
    this.#store.staleViews.mark(this.#view, shown);
  }

  /** Shows the picture of a checkpoint, at once where it is decoded; the returned function abandons it. */
  #ask(run: Run, choice: SheetChoice, at: number): (() => void) | undefined {
    const point = run.checkpoints[at];
    if (!point || point.problem) return undefined;
    const url = sheetUrl({ ...choice, run: run.id, checkpoint: at, hash: point.hash });
    const show = (picture: Picture) => {
      this.#show({ checkpoint: at, choice, picture });
      this.#prefetch(run, choice, at);
    };
    const ready = pictures.peek(url);
    if (ready) {
      show(ready);
      return undefined;
    }
    let current = true;
    this.pending = true;
    if (this.shown && this.shown.checkpoint !== at) this.#markStale(this.shown.checkpoint);
    const timer = setTimeout(() => (this.slow = true), 200);
    pictures.load(url).then(
      (picture) => current && show(picture),
      (error: unknown) => {
        if (current && !isAbort(error)) this.#fail(error);
      },
    );
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }

  #show(shown: Shown): void {
    this.shown = shown;
    this.pending = false;
    this.slow = false;
    this.error = null;
    this.#autoRetry.done();
    this.#markStale(null);
  }

  #fail(error: unknown): void {
    if (this.#autoRetry.failed(error, this.shown !== null)) {
      this.slow = true;
      return;
    }
    this.pending = false;
    this.slow = false;
    this.error = error;
    this.#markStale(null);
  }

  /** Fetches the neighbours in the direction of travel. */
  #prefetch(run: Run, choice: SheetChoice, at: number): void {
    const { follow, direction } = this.#store;
    // Following a growing run there is nothing ahead, and each new checkpoint would request all behind again.
    if (choice.at !== undefined || (follow && run.live)) return;
    const points = run.checkpoints;
    const url = (c: number) => sheetUrl({ ...choice, run: run.id, checkpoint: c, hash: points[c].hash });
    // Where each filter has its own scale, a strip's header does not list them.
    if (points.length < STRIP_FROM || choice.normalise === 'filter')
      return pictures.prefetch(neighbours(points, at, direction, AHEAD, BEHIND).map(url), this.#view);
    const isMap = choice.apply !== undefined && choice.apply !== null;
    const size = isMap ? STRIP.maps : choice.space === 'pixels' ? STRIP.pixels : STRIP.weights;
    // These chunks were requested at the step before.
    const asked = `${Math.floor(at / size)}${direction}${points.length}${url(0)}`;
    if (asked === this.#ahead) return;
    this.#ahead = asked;
    pictures.prefetchStrips(
      chunks(points, at, direction, size, 3).map((part) => ({
        url: stripUrl({
          ...choice,
          run: run.id,
          checkpoints: part.join(','),
          version: points[part[part.length - 1]].hash.slice(0, 16),
        }),
        parts: part.map(url),
      })),
      this.#view,
    );
  }

  retry(): void {
    this.error = null;
    this.#retryCount += 1;
  }
}

export function sheets(store: Store, view: string, choose: () => SheetChoice | null): Sheets {
  return new Sheets(store, view, choose);
}
