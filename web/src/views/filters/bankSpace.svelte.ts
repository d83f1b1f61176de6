/**
 * What the weights of the bank are filters over, as the address says (`bank.space`): the channels of the layer's input, or,
 * where that is not the image already, the image (the weights carried through the layers below as if these
 * were linear).
 */
import { untrack } from 'svelte';
import type { Layer, WeightSpace } from '../../api/types';
import type { Store } from '../../state/store.svelte';
import { inputOf } from './layout';
import { pixelFilters } from './pixelFilters.svelte';

/** Whether a layer's weights can be requested over the image; those of the first layer already are. */
export const hasDeepWeights = (layer: Layer | null, input: string): boolean =>
  layer?.sheet_shape != null && layer.inputs[0] !== input;

export const spaceOf = (store: Store): WeightSpace =>
  store.option('bank.space', 'layer') === 'pixels' ? 'pixels' : 'layer';

export class BankSpace {
  readonly #store: Store;
  readonly #input = $derived.by(() => inputOf(this.#store.run));
  readonly value = $derived.by((): WeightSpace =>
    hasDeepWeights(this.#store.layerInfo, this.#input) ? spaceOf(this.#store) : 'layer',
  );
  readonly #known = $derived.by(() => {
    const { run, layer } = this.#store;
    return run && this.value === 'pixels' ? pixelFilters.of(run, layer) : null;
  });

  constructor(store: Store) {
    this.#store = store;
    $effect(() => {
      const { run, now, layer } = store;
      if (run && now && !now.problem && this.value === 'pixels')
        untrack(() => pixelFilters.ask(run, now, layer));
    });
  }

  /** The filters' size over the image is known, or is not needed. */
  readonly isKnown = $derived.by(() => this.value === 'layer' || (this.#known !== null && !this.refused));
  /** Why there are no filters over the image; empty where there are. */
  readonly refused = $derived.by(() => (this.#known && 'refused' in this.#known ? this.#known.refused : ''));

  /** What is shown is over: channels where there are no filters over the image. */
  readonly shown = $derived.by((): WeightSpace => (this.refused ? 'layer' : this.value));

  /** The layer with the shape of the filters that are shown; until it is known, they are as large as the image. */
  readonly layer = $derived.by((): Layer | null => {
    const { layerInfo: layer, run } = this.#store;
    const image = run?.layers.find((one) => one.name === this.#input)?.shape;
    if (!layer || !image || this.shown === 'layer') return layer;
    const { width, height, channels } = this.#known && !('refused' in this.#known) ? this.#known : image;
    return { ...layer, sheet_shape: [layer.shape.channels, channels, height, width], inputs: [this.#input] };
  });
}

/** The note below filters over the image. */
export const PIXELS_SAY =
  'Each filter carried through the layers below as if these were linear: what it would be over the image if no rectifier cut anything off. The deeper, the coarser.';
