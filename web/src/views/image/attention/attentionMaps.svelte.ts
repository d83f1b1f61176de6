/** The attention weights of an image at the checkpoint under the playhead: all layers arrive, and swap, together. */
import { getValues } from '../../../api/client';
import { valuesUrl } from '../../../api/pictureUrls';
import type { Run } from '../../../api/types';
import { neighbours } from '../../../state/checkpoints';
import { resource, type Resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';
import { attentionLayers, frameOf, numbersIn, shownLayers, type AttentionLayer } from './tokens';

export interface AttentionAt {
  run: string;
  image: number;
  checkpoint: number;
  layers: { of: AttentionLayer; data: Float32Array }[];
  requests: string[];
}

/** Numbers of earlier answers that are kept, 64 MB. */
const KEEP_NUMBERS = 16e6;
/** Checkpoints of more numbers (4 MB) are not fetched ahead: they would delay the one that is looked at. */
const AHEAD_NUMBERS = 1e6;
const AHEAD = 3;

export class AttentionMaps {
  readonly #store: Store;
  readonly all = $derived.by(() => attentionLayers(this.#store.run?.layers ?? []));
  readonly chosen = $derived.by(() => this.#store.option('image.attention', ''));
  readonly layers = $derived.by(() => shownLayers(this.all, this.chosen));
  /** The map of queries that the address counts its rows and columns in. */
  readonly frame = $derived.by(() => frameOf(this.all));
  readonly read: Resource<AttentionAt>;

  /** Call while a component is being set up. */
  constructor(store: Store) {
    this.#store = store;
    const numbers = () => Math.max(1, numbersIn(this.layers));
    this.read = resource<AttentionAt>(() => this.#request(), {
      view: 'image.attention',
      store,
      get cacheSize() {
        return Math.max(2, Math.min(64, Math.floor(KEEP_NUMBERS / numbers())));
      },
    });
    $effect(() => this.#fetchAhead());
  }

  #request() {
    const { run, now, image } = this.#store;
    const { layers } = this;
    if (!run?.corpus.available || !now || now.problem || image === null || !layers.length) return null;
    const names = layers.map(({ layer }) => layer.name);
    return {
      key: `${run.id}/${now.hash}/${image}/${names.join()}`,
      tag: now.index,
      load: async (signal: AbortSignal): Promise<AttentionAt> => {
        const requests = this.#addresses(run, now.index, image);
        const values = await Promise.all(requests.map((url) => getValues(url, signal)));
        const read = layers.map((of, n) => ({ of, data: values[n].data }));
        return { run: run.id, image, checkpoint: now.index, layers: read, requests };
      },
    };
  }

  #addresses(run: Run, checkpoint: number, image: number): string[] {
    const { hash } = run.checkpoints[checkpoint];
    const at = { run: run.id, checkpoint, hash, apply: image };
    return this.layers.map(({ layer }) => valuesUrl({ ...at, layer: layer.name }));
  }

  /** Neighbours of what is shown go into the browser's cache: their addresses hold a hash, so they stay valid. */
  #fetchAhead(): (() => void) | void {
    const { run, now, image, direction } = this.#store;
    if (!run || !now || image === null || numbersIn(this.layers) > AHEAD_NUMBERS) return;
    const shown = this.read.value;
    if (shown?.checkpoint !== now.index || shown.image !== image) return;
    const abort = new AbortController();
    const urls = neighbours(run.checkpoints, now.index, direction, AHEAD, 1).flatMap((checkpoint) =>
      this.#addresses(run, checkpoint, image),
    );
    // One after the other, so that a request of the page never waits for them. What fails is asked again when needed.
    void (async () => {
      for (const url of urls) await getValues(url, abort.signal);
    })().catch(() => {});
    return () => abort.abort();
  }
}
