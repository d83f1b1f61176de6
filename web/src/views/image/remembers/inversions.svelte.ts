/**
 * The pictures that layers remember of the selected image: of some layers at the checkpoint where the playhead rests, and
 * of one layer at some checkpoints. What is there stays until the next is, with its checkpoint.
 */
import { untrack } from 'svelte';
import { ApiError, endpoint, isAbort, messageOf } from '../../../api/client';
import { madePictures, type MadePictures } from '../../../api/madePictures';
import { AutoRetry } from '../../../state/connection.svelte';
import { usableCheckpoints } from '../../../state/checkpoints';
import { resource, type Resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';
import { nearestOf } from '../../common/made/film';
import { frames } from '../why/film';
import { rememberingLayers, someOf, usualLayer } from './layers';

/** A picture takes some hundred milliseconds and more: asked for where the playhead rests. */
const REST_MS = 200;
const INVERSION = '/api/runs/{run}/images/{image}/inversion' as const;

export interface Remembered {
  checkpoint: number;
  film: MadePictures;
  index: number;
  value: number | null;
}

interface Places {
  layers: number;
  frames: number;
}

export class Inversions {
  readonly #store: Store;
  readonly #film: Resource<{ subject: string; layer: string; made: MadePictures }>;
  /** By layer and checkpoint; of the image and run of `#subject`. */
  readonly #there = new Map<string, Map<number, Remembered>>();
  #subject = '';
  #version = $state(0);
  #failures = $state.raw<ReadonlyMap<string, unknown>>(new Map());
  #again = $state(0);
  readonly #autoRetry = new AutoRetry(() => (this.#again += 1));

  readonly usable = $derived.by(() => usableCheckpoints(this.#store.run?.checkpoints ?? []));
  readonly all = $derived.by(() => {
    const { run } = this.#store;
    return run ? rememberingLayers(run.layers, run.classes.length) : [];
  });
  readonly layers: string[];
  readonly frames: number[];
  /** The layer that is shown large and over time. */
  readonly layer = $derived.by(() => {
    const said = this.#store.option('inversion.layer', '');
    return this.all.includes(said) ? said : usualLayer(this.all, this.#store.run?.layers ?? []);
  });

  constructor(store: Store, places: () => Places, canBe: () => boolean) {
    this.#store = store;
    this.layers = $derived.by(() => {
      const some = someOf(this.all, places().layers);
      // The chosen one has a place: that of the nearest.
      if (some.length === 0 || some.includes(this.layer)) return some;
      const order = (name: string) => this.all.indexOf(name);
      const near = [...some].sort(
        (a, b) => Math.abs(order(a) - order(this.layer)) - Math.abs(order(b) - order(this.layer)),
      )[0];
      return some.map((name) => (name === near ? this.layer : name)).sort((a, b) => order(a) - order(b));
    });
    this.frames = $derived(frames(this.usable, places().frames));
    this.#film = resource(() => {
      const { run, image } = store;
      const { layer } = this;
      if (!run?.corpus.available || image === null || !layer || this.frames.length === 0 || !canBe())
        return null;
      const { url } = endpoint(INVERSION, {
        run: run.id,
        image,
        layers: layer,
        checkpoints: this.frames.join(','),
      });
      const version = run.checkpoints[this.frames[this.frames.length - 1]]?.hash ?? '';
      const subject = this.#name;
      return {
        key: `${version} ${url}`,
        subject: { name: url, ms: REST_MS },
        load: async (signal) => ({ subject, layer, made: await madePictures.load({ url, version }, signal) }),
      };
    });
    $effect(() => {
      const { value } = this.#film;
      untrack(() => value && value.subject === this.#name && this.#keep(value.layer, value.made));
    });
    $effect(() => {
      void this.#again;
      const { run, image, now } = store;
      const wanted = this.layers;
      if (!run?.corpus.available || !now || image === null || !canBe() || store.player.playing) return;
      if (!this.usable.includes(now.index)) return;
      const at = { run: run.id, image, checkpoint: now.index, hash: now.hash };
      return untrack(() => this.#row(wanted, at));
    });
    $effect(() => () => this.#autoRetry.done());
  }

  get #name(): string {
    return `${this.#store.run?.id}/${this.#store.image}`;
  }

  #places(layer: string): Map<number, Remembered> {
    if (this.#subject !== this.#name) {
      this.#subject = this.#name;
      this.#there.clear();
    }
    const found = this.#there.get(layer) ?? new Map<number, Remembered>();
    this.#there.set(layer, found);
    return found;
  }

  #keep(layer: string, film: MadePictures): void {
    film.pictures.forEach(({ checkpoint, value }, index) =>
      this.#places(layer).set(checkpoint, { checkpoint, film, index, value }),
    );
    this.#version += 1;
  }

  /** Layer by layer, from the first: each as soon as it is there. */
  #row(layers: readonly string[], at: { run: string; image: number; checkpoint: number; hash: string }) {
    const abort = new AbortController();
    const missing = layers.filter((layer) => !this.#places(layer).has(at.checkpoint));
    const isFirst = this.#there.size === 0 || [...this.#there.values()].every((found) => found.size === 0);
    const timer = setTimeout(() => void this.#read(missing, at, abort.signal), isFirst ? 0 : REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }

  async #read(
    missing: readonly string[],
    { run, image, checkpoint, hash }: { run: string; image: number; checkpoint: number; hash: string },
    signal: AbortSignal,
  ): Promise<void> {
    this.#failures = new Map();
    for (const layer of missing) {
      if (this.#places(layer).has(checkpoint)) continue;
      const { url } = endpoint(INVERSION, { run, image, layers: layer, checkpoints: String(checkpoint) });
      try {
        const made = await madePictures.load({ url, version: hash }, signal);
        if (signal.aborted) return;
        this.#keep(layer, made);
        this.#autoRetry.done();
      } catch (error) {
        if (isAbort(error) || signal.aborted) return;
        if (this.#autoRetry.failed(error)) return;
        // Of this layer there is none; of others there may be.
        this.#failures = new Map(this.#failures).set(layer, error);
      }
    }
  }

  /** What a layer remembers at a checkpoint; of the nearest one where that is not there. */
  at(layer: string, checkpoint: number, isExact = false): Remembered | null {
    void this.#version;
    if (this.#subject !== this.#name) return null;
    const there = this.#there.get(layer);
    return there?.get(checkpoint) ?? (isExact || !there ? null : nearestOf(there.values(), checkpoint));
  }

  failureOf(layer: string): string {
    const error = this.#failures.get(layer);
    if (!error) return '';
    return error instanceof ApiError ? (error.problem.detail ?? error.problem.title) : messageOf(error);
  }
  get filmError(): unknown {
    return this.#film.error;
  }
  get pending(): boolean {
    return this.#film.pending;
  }
  retry(): void {
    this.#film.retry();
    this.#again += 1;
  }
}
