/** The image that excites a filter most at the last checkpoint with statistics: feature visualisation can begin with it. */
import { endpoint } from '../../../api/client';
import { resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';

interface Source {
  /** The layer whose outputs the statistics are of: the filter's rectifier, or its own. */
  layer: string;
  filter: number;
}

export class TopAtEnd {
  readonly #of: () => Source | null;
  readonly #top;

  /** `of` is the filter, or null while its image is not needed. */
  constructor(store: Store, of: () => Source | null) {
    this.#of = of;
    this.#top = resource(() => {
      const { run } = store;
      const wanted = of();
      const last = run?.checkpoints.findLast((point) => point.statistics.test === 'ready');
      if (!run || !wanted || !last) return null;
      const path = '/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/filters/{filter}/top' as const;
      const at = { run: run.id, checkpoint: last.index, ...wanted, split: 'test', limit: 1 } as const;
      return {
        key: `${run.id}/${last.hash}/${wanted.layer}/${wanted.filter}`,
        load: (signal) => endpoint(path, at).json(signal),
      };
    });
  }

  get image(): number | null {
    const { value } = this.#top;
    const of = this.#of();
    const isOf = value && of && value.layer === of.layer && value.filter === of.filter;
    return isOf ? (value.items[0]?.id ?? null) : null;
  }
}
