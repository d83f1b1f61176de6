// The activations of the selected image, layer by layer: every layer's picture swaps in the same frame.
import { untrack } from 'svelte';
import { getValues, isAbort, type Values } from '../../api/client';
import { pictures, type Picture } from '../../api/pictures';
import { sheetUrl, valuesUrl } from '../../api/pictureUrls';
import type { Layer, Run } from '../../api/types';
import { neighbours } from '../../state/checkpoints';
import { AutoRetry } from '../../state/connection.svelte';
import type { Store } from '../../state/store.svelte';

/** What is read of the store: the open run at the playhead's checkpoint, or the second run at its own. */
type RunAtCheckpoint = Pick<Store, 'run' | 'checkpoint' | 'direction' | 'staleViews'>;

/** The activations of a layer: a picture of its maps, or a list of values where it is flat. */
export interface LayerStrip {
  layer: Layer;
  picture: Picture | null;
  values: Float32Array | null;
}

export interface ShownStrips {
  checkpoint: number;
  image: number;
  strips: LayerStrip[];
}

/** Checkpoints whose pictures are requested before the playhead gets there. */
const AHEAD = 3;
/** Number of cached lists of values. */
const MAX_CACHED = 400;

/** Each channel has one value, not a map. */
export const isFlat = (layer: Layer): boolean => layer.shape.height * layer.shape.width === 1;

export class Activations {
  shown = $state.raw<ShownStrips | null>(null);
  error = $state.raw<unknown>(null);
  slow = $state(false);
  #retryCount = $state(0);
  readonly #autoRetry = new AutoRetry(() => (this.#retryCount += 1));
  readonly #view: string;
  #values = new Map<string, Promise<Values>>();

  constructor(of: RunAtCheckpoint, request: () => { layers: Layer[]; image: number | null }, view = 'image') {
    this.#view = view;
    $effect(() => {
      void this.#retryCount;
      const { layers, image } = request();
      const { run, checkpoint } = of;
      const point = run?.checkpoints[checkpoint];
      if (!run || image === null || !layers.length || !point || point.problem) return;
      return untrack(() => this.#follow(of, run, layers, image, checkpoint));
    });
    $effect(() => () => {
      this.#autoRetry.done();
      of.staleViews.mark(this.#view, null);
      if (this.#view !== 'image') pictures.prefetch([], this.#view);
    });
  }

  retry(): void {
    this.error = null;
    this.#retryCount += 1;
  }

  #follow(of: RunAtCheckpoint, run: Run, layers: Layer[], image: number, checkpoint: number): () => void {
    const request = (layer: Layer, c: number) => ({
      run: run.id,
      checkpoint: c,
      hash: run.checkpoints[c].hash,
      layer: layer.name,
      apply: image,
    });
    let current = true;
    if (this.shown && this.shown.checkpoint !== checkpoint)
      of.staleViews.mark(this.#view, this.shown.checkpoint);
    const timer = setTimeout(() => (this.slow = true), 200);
    const load = (layer: Layer): Promise<LayerStrip> =>
      isFlat(layer)
        ? this.#read(valuesUrl(request(layer, checkpoint))).then(({ data }) => ({
            layer,
            picture: null,
            values: data,
          }))
        : pictures
            .load(sheetUrl({ ...request(layer, checkpoint), palette: 'grey' }))
            .then((picture) => ({ layer, picture, values: null }));
    Promise.all(layers.map(load)).then(
      (strips) => {
        clearTimeout(timer);
        if (!current) return;
        this.shown = { checkpoint, image, strips };
        this.error = null;
        this.slow = false;
        this.#autoRetry.done();
        of.staleViews.mark(this.#view, null);
        const spatial = layers.filter((layer) => !isFlat(layer));
        const next = neighbours(run.checkpoints, checkpoint, of.direction, AHEAD, 1);
        pictures.prefetch(
          next.flatMap((c) => spatial.map((layer) => sheetUrl({ ...request(layer, c), palette: 'grey' }))),
          this.#view === 'image' ? '' : this.#view,
        );
      },
      (error: unknown) => {
        clearTimeout(timer);
        if (!current || isAbort(error)) return;
        if (this.#autoRetry.failed(error, this.shown !== null)) {
          this.slow = true;
          return;
        }
        this.error = error;
        this.slow = false;
        of.staleViews.mark(this.#view, null);
      },
    );
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }

  #read(url: string): Promise<Values> {
    const cached = this.#values.get(url);
    if (cached) return cached;
    const answer = getValues(url);
    this.#values.set(url, answer);
    answer.catch(() => this.#values.delete(url));
    if (this.#values.size > MAX_CACHED) this.#values.delete(this.#values.keys().next().value as string);
    return answer;
  }
}
