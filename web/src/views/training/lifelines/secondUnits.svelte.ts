/** The units of the second run beside those of a layer of the open one: in the layer of B opposite it, at both playheads. */
import { endpoint } from '../../../api/client';
import type { MatchedUnits } from '../../../api/types';
import { secondRun } from '../../../state/secondRun.svelte';
import type { Store } from '../../../state/store.svelte';
import { compared, similarLayers } from '../../common/runs/compared.svelte';
import { counterpart } from '../../common/runs/layers';
import { matchesOf } from './lifelines';

export class SecondUnits {
  readonly #similar: ReturnType<typeof similarLayers>;
  readonly #units: ReturnType<typeof compared<MatchedUnits>>;
  readonly #layer: () => string | null;
  readonly #store: Store;

  /** Call while a component is being set up. */
  constructor(store: Store, layer: () => string | null) {
    this.#layer = layer;
    this.#store = store;
    this.#similar = similarLayers(store, 'training.similar');
    this.#units = compared(store, 'training.matched', () => {
      const { opposite } = this;
      if (opposite === null) return null;
      const pair = { layer: layer() ?? '', b_layer: opposite };
      return {
        key: `${pair.layer}\n${pair.b_layer}`,
        load: (at, signal) =>
          endpoint('/api/runs/{run}/checkpoints/{checkpoint}/compare/units', { ...at, ...pair }).json(signal),
      };
    });
  }

  /** The layer of B opposite; null before it is known, and where the layer is not among those that are compared. */
  get opposite(): string | null {
    const layers = this.#similar.shown?.found;
    const layer = this.#layer();
    return layers && layer !== null ? counterpart(layers, layer, '') : null;
  }
  /** Layers were compared, and this one was left out of it. */
  get isLeftOut(): boolean {
    const layers = this.#similar.shown?.found;
    return layers !== undefined && !layers.a.includes(this.#layer() ?? '');
  }
  readonly shown = $derived.by(() => {
    const shown = this.#units.shown;
    return shown?.found.layer === this.#layer() && !this.isLeftOut ? shown : null;
  });
  readonly matches = $derived.by(() => this.shown && matchesOf(this.shown.found));
  /** What is being read, or has failed. */
  get read() {
    return this.#similar.shown ? this.#units.read : this.#similar.read;
  }
  /** A card shows images of the open run's corpus: of B it can only where B has the same. */
  readonly hasCards = $derived.by(
    () => secondRun.run !== null && this.#store.run?.corpus.identity === secondRun.run.corpus.identity,
  );
  get request(): string | null {
    if (!this.shown) return null;
    const { at, found } = this.shown;
    const pair = { layer: found.layer, b_layer: found.b_layer };
    return endpoint('/api/runs/{run}/checkpoints/{checkpoint}/compare/units', { ...at, ...pair }).url;
  }
}
