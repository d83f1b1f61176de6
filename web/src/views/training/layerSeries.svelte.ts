// The weights of one layer over its run, as its row draws them: of the open run, or of the second one.
import { endpoint } from '../../api/client';
import type { Layer, LayerHistory, Run } from '../../api/types';
import { resource, type Resource } from '../../state/resource.svelte';
import { alignedTo, fanLimit, latestKnown, rootMeanSquare, updatesOf } from './data';
import type { LayerHistories } from './layerHistories.svelte';

/** A layer of a run, and where its checkpoints lie along the axis, 0 to 1. */
export interface LayerOf {
  run: Run;
  layer: Layer;
  place: (checkpoint: number) => number;
  histories: LayerHistories;
}

const numbers = (values: readonly (number | null)[]) => values.map((v) => v ?? NaN);

export class LayerSeries {
  readonly history: Resource<LayerHistory>;
  readonly #of: () => LayerOf | null;
  readonly #checkpoint: () => number;
  // A live run grows faster than a long history is read: the next reading waits for the one in flight.
  #length = $state(0);

  /** Call while a component is being set up; null requests nothing. The result does not change when the playhead moves. */
  constructor(of: () => LayerOf | null, checkpoint: () => number) {
    this.#of = of;
    this.#checkpoint = checkpoint;
    this.history = resource(() => {
      const wanted = of();
      if (!wanted || !this.#length || !wanted.layer.sheet_shape) return null;
      const { run, layer } = wanted;
      return {
        key: `${run.id}/${layer.name}/${this.#length}`,
        load: (signal) =>
          endpoint('/api/runs/{run}/layers/{layer}/history', { run: run.id, layer: layer.name }).json(signal),
      };
    });
    $effect.pre(() => {
      const newest = of()?.run.checkpoints.length ?? 0;
      if (!this.history.pending) this.#length = newest;
    });
  }

  readonly drawn = $derived.by(() => {
    const [all, of] = [this.history.value, this.#of()];
    // What was read for another run or layer is not shown for this one.
    if (!all || !of || !this.history.key?.startsWith(`${of.run.id}/${of.layer.name}/`)) return null;
    const p = {
      p1: numbers(all.percentiles.p1),
      p25: numbers(all.percentiles.p25),
      p50: numbers(all.percentiles.p50),
      p75: numbers(all.percentiles.p75),
      p99: numbers(all.percentiles.p99),
    };
    const weights = (of.layer.weight_shape ?? []).reduce((a, b) => a * b, 1);
    const size = rootMeanSquare(numbers(all.norm), weights);
    const moved = all.moved.map((v) => (v !== null && v > 0 ? v : null));
    return {
      checkpoints: all.checkpoints,
      p,
      limit: fanLimit(p),
      size,
      top: Math.max(1e-12, ...size.filter(Number.isFinite)),
      moved,
    };
  });
  // What the last step alone did, beside the way since the snapshot before; both on one axis.
  readonly steps = $derived.by(() => {
    const [of, drawn] = [this.#of(), this.drawn];
    const known = of && updatesOf(of.histories.weights.value, of.layer.name);
    if (!drawn || !known) return [];
    return alignedTo(drawn.checkpoints, { checkpoints: known.checkpoints, values: known.update });
  });
  readonly at = $derived.by(() => {
    const of = this.#of();
    return of && this.drawn ? this.drawn.checkpoints.map(of.place) : [];
  });
  /** While a run is live its newest checkpoint may not have been read yet: the one before it is used instead. */
  readonly now = $derived.by(() => {
    const of = this.#of();
    return of ? latestKnown(this.drawn?.checkpoints ?? [], this.#checkpoint(), of.run.live) : -1;
  });
}
