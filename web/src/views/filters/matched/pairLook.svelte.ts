/**
 * How matched filters of two runs are drawn: by their weights where these are a picture, else by their maps of the selected
 * image or, with `bank.space=pixels`, by their weights over the image, which are comparable again.
 */
import { untrack } from 'svelte';
import type { SheetRequest } from '../../../api/pictureUrls';
import type { Checkpoint, Layer, Palette, Run } from '../../../api/types';
import { secondRun } from '../../../state/secondRun.svelte';
import type { Store } from '../../../state/store.svelte';
import { spaceOf } from '../bankSpace.svelte';
import { inputOf } from '../layout';
import { pixelFilters } from '../pixelFilters.svelte';
import { isShownByWeights } from './matching';

const layerOf = (run: Run | null, name: string | null): Layer | null =>
  run?.layers.find((one) => one.name === name) ?? null;

export class PairLook {
  readonly #store: Store;
  readonly #names: () => { a: string | null; b: string | null };
  readonly #image: () => number | null;
  readonly #layers = $derived.by(() => {
    const { a, b } = this.#names();
    return { a: layerOf(this.#store.run, a), b: layerOf(secondRun.run, b) };
  });
  readonly #byWeights = $derived.by(() => {
    const { a, b } = this.#layers;
    if (!a || !b) return false;
    return isShownByWeights(a, inputOf(this.#store.run)) && isShownByWeights(b, inputOf(secondRun.run));
  });
  /** Whether the weights of both layers can be shown over the image. */
  readonly canBeOver = $derived.by(() => {
    const { a, b } = this.#layers;
    return !this.#byWeights && a?.sheet_shape != null && b?.sheet_shape != null;
  });
  readonly #isAsked = $derived.by(() => this.canBeOver && spaceOf(this.#store) === 'pixels');
  /** Why there are no filters over the image; empty where there are. */
  readonly refused = $derived.by(() => {
    if (!this.#isAsked) return '';
    const { a, b } = this.#layers;
    const both = [this.#known(this.#store.run, a), this.#known(secondRun.run, b)];
    for (const one of both) if (one && 'refused' in one) return one.refused;
    return '';
  });
  readonly by = $derived.by((): 'weights' | 'pixels' | 'maps' => {
    if (this.#byWeights) return 'weights';
    return this.#isAsked && !this.refused ? 'pixels' : 'maps';
  });

  constructor(store: Store, names: () => { a: string | null; b: string | null }, image: () => number | null) {
    this.#store = store;
    this.#names = names;
    this.#image = image;
    $effect(() => {
      if (!this.#isAsked) return;
      const { a, b } = this.#layers;
      const [now, then] = [store.now, secondRun.now];
      const [runA, runB] = [store.run, secondRun.run];
      untrack(() => {
        if (runA && now && !now.problem && a) pixelFilters.ask(runA, now, a.name);
        if (runB && then && !then.problem && b) pixelFilters.ask(runB, then, b.name);
      });
    });
  }

  #known(run: Run | null, layer: Layer | null) {
    return run && layer && pixelFilters.of(run, layer.name);
  }

  /** What the pictures are of. */
  get words(): string {
    if (this.by === 'weights') return 'their weights';
    if (this.by === 'pixels') return 'their weights over the image';
    const maps = this.#image() === null ? 'no image to show' : 'activations for the selected image';
    return this.refused ? `${maps}: ${this.refused}` : maps;
  }

  /** Null where there is nothing to draw, or not yet. */
  requestOf(run: Run, point: Checkpoint, of: Layer): SheetRequest | null {
    const signed: Palette = this.#store.theme === 'light' ? 'diverging-light' : 'diverging';
    const base = { run: run.id, checkpoint: point.index, hash: point.hash, layer: of.name };
    const own = { ...base, normalise: 'filter' } as const;
    if (this.by === 'weights') return { ...own, palette: of.sheet_shape?.[1] === 3 ? 'rgb' : signed };
    if (this.by === 'maps') {
      const image = this.#image();
      return image === null ? null : { ...own, palette: 'grey', apply: image };
    }
    const tile = pixelFilters.tileOf(run, of.name);
    return tile && { ...own, space: 'pixels', palette: tile.channels === 3 ? 'rgb' : signed };
  }
}
