/** Requests for the activity of the pinned layer's filters: over time, and by class now. */
import { untrack } from 'svelte';
import { endpoint } from '../../api/client';
import type { ActivityHistory, LayerActivity } from '../../api/types';
import { neighbours } from '../../state/checkpoints';
import { resource, type Resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';
import { rectifierOf } from '../common/activity';

const AHEAD = 4;
const BEHIND = 1;
const MAX_CACHED = 64;

export class Activity {
  readonly #history: Resource<ActivityHistory>;
  readonly #now: Resource<LayerActivity>;
  readonly #store: Store;
  readonly rectifier = $derived.by(() => rectifierOf(this.#store.run?.layers ?? [], this.#store.layer));
  /** The layer whose outputs are the filters' activations: their rectifier, or the layer itself where it has none. */
  readonly source = $derived.by(() => this.rectifier ?? this.#store.layer);
  // Statistics of a live run come faster than a long history is read: the next reading waits for the one in flight.
  #readyCount = $state(-1);
  readonly #cache = new Map<string, Promise<LayerActivity>>();

  constructor(store: Store) {
    this.#store = store;
    this.#history = resource<ActivityHistory>(
      () => {
        const { run, filter } = store;
        const layer = this.source;
        if (!run || filter === null || this.#readyCount < 1) return null;
        return {
          key: `${run.id}/${layer}/${this.#readyCount}`,
          load: (signal) =>
            endpoint('/api/runs/{run}/layers/{layer}/activity', { run: run.id, layer, split: 'test' }).json(
              signal,
            ),
        };
      },
      { cacheSize: 8 },
    );
    $effect.pre(() => {
      const ready = store.run?.checkpoints.filter((one) => one.statistics.test === 'ready').length ?? 0;
      if (!this.#history.pending) this.#readyCount = ready;
    });
    this.#now = resource<LayerActivity>(
      () => {
        const { run, now } = store;
        const layer = this.source;
        if (!run || !now || now.statistics.test !== 'ready') return null;
        return {
          key: `${run.id}/${now.hash}/${layer}/${store.statisticsVersion}`,
          tag: now.index,
          load: () => this.#read(now.index, layer),
        };
      },
      { view: 'responses', store },
    );
    $effect(() => {
      const shown = this.#now.tag;
      if (shown !== null) untrack(() => this.#ahead(shown));
    });
  }

  /** A layer's activity at a checkpoint, requested once. */
  #read(checkpoint: number, layer: string): Promise<LayerActivity> {
    const { run, statisticsVersion } = this.#store;
    const key = `${run?.id}/${run?.checkpoints[checkpoint]?.hash}/${layer}/${statisticsVersion}`;
    const cached = this.#cache.get(key);
    if (cached) return cached;
    const answer = endpoint('/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/activity', {
      run: run?.id ?? '',
      checkpoint,
      layer,
      split: 'test',
    }).json();
    this.#cache.set(key, answer);
    answer.catch(() => this.#cache.delete(key));
    if (this.#cache.size > MAX_CACHED) this.#cache.delete(this.#cache.keys().next().value as string);
    return answer;
  }

  /** Prefetches the neighbours in the direction of travel. */
  #ahead(checkpoint: number): void {
    const { run, direction } = this.#store;
    if (!run) return;
    for (const c of neighbours(run.checkpoints, checkpoint, direction, AHEAD, BEHIND))
      if (run.checkpoints[c].statistics.test === 'ready') this.#read(c, this.source).catch(() => undefined);
  }

  get history(): ActivityHistory | null {
    return this.#history.value?.layer === this.source ? this.#history.value : null;
  }
  /** The activity at the checkpoint on the screen, or the last that was read while it is in flight. */
  get now(): LayerActivity | null {
    return this.#now.value?.layer === this.source ? this.#now.value : null;
  }
  get error(): unknown {
    return this.#now.error;
  }
  get slow(): boolean {
    return this.#now.slow;
  }
  retry(): void {
    this.#cache.clear();
    this.#now.retry();
    this.#history.retry();
  }
}
