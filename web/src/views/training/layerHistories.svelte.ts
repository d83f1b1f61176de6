// Requests of the training view about the layers: weight updates of the last steps, and the filters' activity.
import { endpoint } from '../../api/client';
import type { ActivityHistory, WeightHistory } from '../../api/types';
import { resource, type Resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';
import { rectifierOf, tallies, type Tally } from '../common/activity';

/** The filters of a layer at every checkpoint with statistics, judged by the output of its rectifier. */
export interface LayerHealth {
  rectifier: string;
  checkpoints: number[];
  tallies: Tally[];
  history: Pick<ActivityHistory, 'checkpoints' | 'active' | 'zeros' | 'health'>;
}

export class LayerHistories {
  readonly weights: Resource<WeightHistory>;
  readonly #health: Resource<Record<string, LayerHealth>>;
  /** Layers already read while the others are in flight. */
  #partial = $state.raw<Record<string, LayerHealth>>({});
  // A live run grows faster than all this is read: the next request waits for the one in flight.
  #length = $state(0);
  #readyCount = $state(-1);
  readonly #store: Pick<Store, 'run'>;

  constructor(store: Pick<Store, 'run'>) {
    this.#store = store;
    this.weights = resource<WeightHistory>(() => {
      const id = store.run?.id;
      return id && this.#length > 0
        ? {
            key: `${id}/${this.#length}`,
            load: (signal) => endpoint('/api/runs/{run}/weights', { run: id }).json(signal),
          }
        : null;
    });
    this.#health = resource<Record<string, LayerHealth>>(
      () => {
        const id = store.run?.id;
        if (!id || this.#readyCount < 0) return null;
        const layers = store.run?.layers ?? [];
        return {
          key: `${id}/${this.#readyCount}`,
          load: async (signal) => {
            const found: Record<string, LayerHealth> = {};
            await Promise.all(
              layers.map(async ({ name, weight_shape }) => {
                const rectifier = weight_shape ? rectifierOf(layers, name) : null;
                if (!rectifier) return;
                const answer = await endpoint('/api/runs/{run}/layers/{layer}/activity', {
                  run: id,
                  layer: rectifier,
                  split: 'test',
                }).json(signal);
                const { checkpoints, active, zeros, health } = answer;
                const history = { checkpoints, active, zeros, health };
                found[name] = { rectifier, checkpoints, tallies: tallies(answer), history };
                this.#partial = { ...found };
              }),
            );
            return found;
          },
        };
      },
      { cacheSize: 2 },
    );
    $effect.pre(() => {
      const grown = store.run?.checkpoints.length ?? 0;
      if (!this.weights.pending) this.#length = grown;
    });
    $effect.pre(() => {
      const ready = store.run?.checkpoints.filter((one) => one.statistics.test === 'ready').length ?? 0;
      if (!this.#health.pending) this.#readyCount = ready;
    });
    let of: string | undefined;
    $effect.pre(() => {
      if (store.run?.id !== of) this.#partial = {};
      of = store.run?.id;
    });
  }

  get health(): Record<string, LayerHealth> {
    // The last answer stays while the next one is read, but never under another run.
    return { ...this.#partial, ...(this.isComplete ? this.#health.value : {}) };
  }
  /** Every layer of this run was read. */
  get isComplete(): boolean {
    return this.#health.key?.startsWith(`${this.#store.run?.id}/`) ?? false;
  }
  get error(): unknown {
    return this.#health.error;
  }
  get slow(): boolean {
    return this.#health.slow;
  }
  retry(): void {
    this.#health.retry();
  }
}
