/** For every layer of A with weights the one of B opposite it: by name in equal networks, else by what they are most like. */
import type { Layer } from '../../../api/types';
import { secondRun } from '../../../state/secondRun.svelte';
import type { Store } from '../../../state/store.svelte';
import { endpoint } from '../../../api/client';
import { compared } from './compared.svelte';
import { comparedLayersOf, counterpart, type ComparedLayers } from './layers';

const weighted = (layers: readonly Layer[] | undefined) => (layers ?? []).filter((one) => one.weight_shape);
const names = (layers: readonly Layer[]) => layers.map((layer) => layer.name);

export class OppositeLayers {
  readonly #store: Store;
  /** How similar the layers are; not asked of equal networks. */
  readonly similar: ReturnType<typeof compared<ComparedLayers>>;
  readonly a = $derived.by(() => weighted(this.#store.run?.layers));
  readonly b = $derived.by(() => weighted(secondRun.run?.layers));
  readonly #equal = $derived.by(
    () => this.a.length === this.b.length && this.a.every((layer, n) => layer.name === this.b[n].name),
  );
  /** Matched layers of B by the name of A's layer. */
  readonly all = $derived.by<ReadonlyMap<string, Layer>>(() => {
    const known = this.#equal
      ? { a: names(this.a), b: names(this.b), proposed: [] }
      : this.similar.shown?.found;
    const pairs = (known ? this.a : []).flatMap((layer): [string, Layer][] => {
      const b = known && counterpart(known, layer.name, '');
      const found = secondRun.run?.layers.find((one) => one.name === b);
      return found ? [[layer.name, found]] : [];
    });
    return new Map(pairs);
  });

  /** Call while a component is being set up; nothing is asked where `isAsked` is false. */
  constructor(store: Store, view: string, isAsked: () => boolean = () => true) {
    this.#store = store;
    this.similar = compared(store, view, () =>
      this.#equal || !isAsked()
        ? null
        : {
            key: 'layers',
            load: async (at, signal) =>
              comparedLayersOf(
                await endpoint('/api/runs/{run}/checkpoints/{checkpoint}/compare/layers', at).json(signal),
              ),
          },
    );
  }
}
