// The curves of B's layers beside those of A that they are opposite.
import { reference } from '../../state/reference.svelte';
import { secondRun } from '../../state/secondRun.svelte';
import type { Table } from '../../state/exportData';
import type { Store } from '../../state/store.svelte';
import { OppositeLayers } from '../common/runs/oppositeLayers.svelte';
import type { Along } from './data';
import { LayerHistories } from './layerHistories.svelte';
import type { LayerOf } from './layerSeries.svelte';
import { layerRequests, layersTable, layerStates } from './tables';
import { placeAlong, secondLayer, type SecondLayer } from './second';

export class SecondLayers {
  readonly #opposite: OppositeLayers;
  readonly #histories: LayerHistories;
  readonly #axis: () => { along: Along; top: number };

  /** Call while a component is being set up; `axis` is the one that both runs are drawn on. */
  constructor(store: Store, axis: () => { along: Along; top: number }) {
    this.#axis = axis;
    this.#opposite = new OppositeLayers(store, 'training.similar');
    this.#histories = new LayerHistories({
      get run() {
        return reference.isOther ? secondRun.run : null;
      },
    });
  }

  /** Place of a checkpoint of B along the axis, 0 to 1; -1 where it has none. */
  readonly #place = $derived.by(() => {
    const { along, top } = this.#axis();
    const points = secondRun.run?.checkpoints ?? [];
    return (checkpoint: number) => {
      const point = points[checkpoint];
      return point ? placeAlong(point, along) / top : -1;
    };
  });

  /** The layer of B opposite one of A, as it is drawn in its place; null where there is none. */
  of(layer: string): LayerOf | null {
    const [run, opposite] = [secondRun.run, this.#opposite.all.get(layer)];
    return run && opposite ? { run, layer: opposite, place: this.#place, histories: this.#histories } : null;
  }

  /** Where B's checkpoint under the playhead is. */
  readonly at = $derived.by(() => this.#place(secondRun.checkpoint ?? -1));

  readonly #all = $derived.by<ReadonlyMap<string, SecondLayer>>(() => {
    if (!secondRun.run) return new Map();
    const { weights, health } = this.#histories;
    return new Map(
      [...this.#opposite.all].map(([name, layer]) => [
        name,
        secondLayer(layer, weights.value, health[layer.name] ?? null, this.#place),
      ]),
    );
  });

  /** What it exports: nothing where B is not another run. */
  get requests(): string[] {
    return secondRun.run && reference.isOther ? layerRequests(secondRun.run.id, this.#histories.health) : [];
  }
  get tables(): Table[] {
    const { run, checkpoint } = secondRun;
    if (!run || checkpoint === null || !reference.isOther) return [];
    const layers = run.layers.filter((layer) => layer.weight_shape !== null);
    const known = { weights: this.#histories.weights.value, health: this.#histories.health };
    return [layersTable(`Layers of B, checkpoint ${checkpoint}`, layerStates(layers, known, checkpoint))];
  }

  /** The layer of B beside a layer of A; null where there is none. */
  beside(layer: string): SecondLayer | null {
    return this.#all.get(layer) ?? null;
  }
}
