/**
 * Inversions: what layers remember of the selected image, as pictures whose outputs at the layer are nearest to those of
 * the image. Of some layers at the checkpoint where the playhead rests, and of one layer at some checkpoints. The last picture and its checkpoint are shown until the next one has arrived.
 */
import { untrack } from 'svelte';
import { ApiError, endpoint, isAbort, messageOf } from '../../../api/client';
import type { Run } from '../../../api/types';
import { madePictures, type MadePictures } from '../../../api/madePictures';
import { AutoRetry } from '../../../state/connection.svelte';
import { usableCheckpoints } from '../../../state/checkpoints';
import type { Store } from '../../../state/store.svelte';
import { switchedOff } from '../../../state/switchedOff.svelte';
import { nearestOf } from '../../common/made/film';
import { frames } from '../why/film';
import { rememberingLayers, someOf, usualLayer } from './layers';

/** A picture takes several hundred milliseconds: it is requested only when the playhead rests. */
const REST_MS = 200;
const INVERSION = '/api/runs/{run}/images/{image}/inversion' as const;

/** Picture `index` of an answer, and the squared distance that is left between its outputs and the image's, as a share. */
export interface Remembered {
  checkpoint: number;
  film: MadePictures;
  index: number;
  value: number | null;
}

/** What a picture is requested for. */
interface Place {
  layer: string;
  checkpoint: number;
}

/** How many pictures have room in the two rows. */
interface Room {
  layers: number;
  frames: number;
}

export class Inversions {
  readonly #store: Store;
  /** Pictures by layer and checkpoint, for the run, image and units that are off of `#subject`. */
  readonly #cached = new Map<string, Map<number, Remembered>>();
  #subject = '';
  #version = $state(0);
  #failures = $state.raw<ReadonlyMap<string, unknown>>(new Map());
  #retryCount = $state(0);
  readonly #autoRetry = new AutoRetry(() => (this.#retryCount += 1));

  readonly usable = $derived.by(() => usableCheckpoints(this.#store.run?.checkpoints ?? []));
  readonly all = $derived.by(() => {
    const { run } = this.#store;
    return run ? rememberingLayers(run.layers, run.classes.length) : [];
  });
  readonly layers: string[];
  readonly frames: number[];
  /** The layer that is shown large and over time. */
  readonly layer = $derived.by(() => {
    const option = this.#store.option('inversion.layer', '');
    return this.all.includes(option) ? option : usualLayer(this.all, this.#store.run?.layers ?? []);
  });

  /** `isPossible`: pictures of this network can be made. */
  constructor(store: Store, room: () => Room, isPossible: () => boolean) {
    this.#store = store;
    this.layers = $derived.by(() => {
      const some = someOf(this.all, room().layers);
      // The chosen one has a place: that of the nearest.
      if (some.length === 0 || some.includes(this.layer)) return some;
      const order = (name: string) => this.all.indexOf(name);
      const near = [...some].sort(
        (a, b) => Math.abs(order(a) - order(this.layer)) - Math.abs(order(b) - order(this.layer)),
      )[0];
      return some.map((name) => (name === near ? this.layer : name)).sort((a, b) => order(a) - order(b));
    });
    this.frames = $derived(frames(this.usable, room().frames));
    this.#follow(isPossible, () => {
      const { now } = store;
      if (!now || store.player.playing || !this.usable.includes(now.index)) return [];
      return this.layers.map((layer) => ({ layer, checkpoint: now.index }));
    });
    this.#follow(isPossible, () => this.frames.map((checkpoint) => ({ layer: this.layer, checkpoint })));
    $effect(() => () => this.#autoRetry.done());
  }

  /** Asks for the pictures of places as they change, one after the other. */
  #follow(isPossible: () => boolean, choose: () => Place[]): void {
    $effect(() => {
      void this.#retryCount;
      const { run, image } = this.#store;
      const wanted = choose();
      void switchedOff.text;
      if (!run?.corpus.available || image === null || !isPossible() || wanted.length === 0) return;
      return untrack(() => this.#ask(wanted, { run, image }));
    });
  }

  get #name(): string {
    return `${this.#store.run?.id}/${this.#store.image}/${switchedOff.text}`;
  }

  #places(layer: string): Map<number, Remembered> {
    if (this.#subject !== this.#name) {
      this.#subject = this.#name;
      this.#cached.clear();
      this.#failures = new Map();
    }
    const found = this.#cached.get(layer) ?? new Map<number, Remembered>();
    this.#cached.set(layer, found);
    return found;
  }

  #ask(wanted: readonly Place[], of: { run: Run; image: number }) {
    const abort = new AbortController();
    const isFirst = this.#subject !== this.#name || this.#cached.size === 0;
    const timer = setTimeout(() => void this.#read(wanted, of, abort.signal), isFirst ? 0 : REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }

  async #read(
    wanted: readonly Place[],
    { run, image }: { run: Run; image: number },
    signal: AbortSignal,
  ): Promise<void> {
    for (const { layer, checkpoint } of wanted) {
      if (this.#places(layer).has(checkpoint)) continue;
      // One checkpoint a request: each search begins with the same noise and takes as many steps, so that what differs
      // between two pictures comes from the network.
      const at = {
        run: run.id,
        image,
        layers: layer,
        checkpoints: String(checkpoint),
        off: switchedOff.parameter,
      };
      const address = { url: endpoint(INVERSION, at).url, version: run.checkpoints[checkpoint]?.hash ?? '' };
      const key = `${layer}/${checkpoint}`;
      try {
        const film = await madePictures.load(address, signal);
        if (signal.aborted) return;
        const value = film.pictures[0]?.value ?? null;
        this.#places(layer).set(checkpoint, { checkpoint, film, index: 0, value });
        this.#version += 1;
        this.#autoRetry.done();
      } catch (error) {
        if (isAbort(error) || signal.aborted || this.#autoRetry.failed(error)) return;
        // Only this layer and checkpoint failed; others may succeed.
        this.#failures = new Map(this.#failures).set(key, error);
      }
    }
  }

  /** What a layer remembers at a checkpoint; of the nearest one where that is not there. */
  at(layer: string, checkpoint: number, isExact = false): Remembered | null {
    void this.#version;
    if (this.#subject !== this.#name) return null;
    const cached = this.#cached.get(layer);
    return cached?.get(checkpoint) ?? (isExact || !cached ? null : nearestOf(cached.values(), checkpoint));
  }

  /** Why there is no picture of a layer at a checkpoint; empty where there is one, or may come. */
  failureOf(layer: string, checkpoint: number): string {
    const error = this.#failures.get(`${layer}/${checkpoint}`);
    if (!error) return '';
    return error instanceof ApiError ? (error.problem.detail ?? error.problem.title) : messageOf(error);
  }
}
