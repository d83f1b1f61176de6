/**
 * What each class loses without each filter of the layer that the view Filters shows, while it colours by that. One
 * instance for the page.
 */
import type { LayerAblation } from '../../../api/types';
import { switchableLayers } from '../../../state/offUnits';
import type { Resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';
import type { SetTo } from './effect';
import { layerAblation, type Measured } from './layerAblation.svelte';

export class Effects {
  #store = $state.raw<Store | null>(null);
  #found = $state.raw<Resource<Measured> | null>(null);

  /** Called by a part of the view that is always there. */
  attach(store: Store): void {
    this.#store = store;
    this.#found = layerAblation(store, () => (this.on && this.canBe ? store.layer : null));
  }

  /** Filters are coloured by their effect. */
  readonly on = $derived.by(() => this.#store?.option('bank.colour', 'weights') === 'effect');
  /** The layer on the screen has filters that can be switched off. */
  readonly canBe = $derived.by(() => {
    const { run, layer } = this.#store ?? {};
    return run ? switchableLayers(run.layers, run.classes.length).includes(layer ?? '') : false;
  });
  readonly to = $derived.by<SetTo>(() =>
    this.#store?.option('ablation.to', 'zero') === 'mean' ? 'mean' : 'zero',
  );

  toggle(): void {
    this.#store?.setOption('bank.colour', this.on ? 'weights' : 'effect', 'weights');
  }

  /** The effects for the layer on the screen; null until they are read, and where they are not requested. */
  get answer(): LayerAblation | null {
    const answer = this.#found?.value?.answer;
    return this.on && this.canBe && answer?.layer === this.#store?.layer ? (answer ?? null) : null;
  }
  get pending(): boolean {
    return this.#found?.pending ?? false;
  }
  get error(): unknown {
    return this.#found?.error ?? null;
  }
  retry(): void {
    this.#found?.retry();
  }
}

export const effects = new Effects();
