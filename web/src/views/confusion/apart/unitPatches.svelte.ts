/** What excites each of the units that separate two classes. */
import { endpoint } from '../../../api/client';
import type { Separation, TopImages } from '../../../api/types';
import { resource, type Resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';

export class UnitPatches {
  readonly #tops: Resource<{ key: string; items: TopImages['items'][] }>;
  readonly #key = $derived.by(() =>
    this.#found()
      .units.map(({ layer, unit }) => `${layer}:${unit}`)
      .join(),
  );
  readonly #found: () => Separation;

  constructor(store: Store, found: () => Separation) {
    this.#found = found;
    this.#tops = resource(() => {
      const { run } = store;
      const { checkpoint, units } = found();
      const point = run?.checkpoints[checkpoint];
      if (!run || point?.statistics.test !== 'ready' || units.length === 0) return null;
      const key = this.#key;
      return {
        key: `${run.id}/${point.hash}/${store.statisticsVersion}/${key}`,
        load: async (signal) => {
          const ask = ({ measured_at: layer, unit }: Separation['units'][number]) =>
            endpoint('/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/filters/{filter}/top', {
              run: run.id,
              checkpoint,
              layer,
              filter: unit,
              split: 'test',
              limit: 8,
            }).json(signal);
          const answers = await Promise.allSettled(units.map(ask));
          signal.throwIfAborted();
          // A layer that the statistics leave out has no pictures.
          return { key, items: answers.map((one) => (one.status === 'fulfilled' ? one.value.items : [])) };
        },
      };
    });
  }

  /** The patches of the unit at a position of the list; none until they are read. */
  of(place: number): TopImages['items'] {
    const { value } = this.#tops;
    return value?.key === this.#key ? (value.items[place] ?? []) : [];
  }
}
