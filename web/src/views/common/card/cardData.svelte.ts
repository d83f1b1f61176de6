/** What the card says of a unit: its top images and classes now, its firing rate over time, its connections. */
import { endpoint } from '../../../api/client';
import type { ActivityHistory, Connections, TopImages } from '../../../api/types';
import { noStatistics } from '../../../state/missingStatistics';
import { resource, type Resource } from '../../../state/resource.svelte';
import { rectifierOf } from '../activity';
import { isEmptySplit, noSplit } from '../split';
import { Recount } from './recount';
import type { Unit } from './card.svelte';
import type { CardSource } from './source';

/** Pictures on the card. */
export const PATCHES = 9;
/** While the pointer moves over filters, only the one on which it rests is requested. */
const SWEEP_MS = 120;
const FILTER = '/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/filters/{filter}/top' as const;
const CONNECTIONS =
  '/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/filters/{filter}/connections' as const;

export class CardData {
  readonly #top: Resource<TopImages>;
  readonly #history: Resource<ActivityHistory>;
  readonly #connections: Resource<Connections>;
  readonly #unit: () => Unit | null;
  readonly #store: CardSource;
  #retryCount = $state(0);
  readonly #recount = new Recount(() => (this.#retryCount += 1));
  /** The layer whose outputs the statistics are of: the filter's rectifier, or its own layer. */
  readonly source = $derived.by(() => {
    const layer = this.#unit()?.layer ?? '';
    return rectifierOf(this.#store.run?.layers ?? [], layer) ?? layer;
  });
  /** The checkpoint that is shown. */
  readonly point = $derived.by(
    () => this.#store.run?.checkpoints[this.#unit()?.checkpoint ?? this.#store.checkpoint] ?? null,
  );
  /** Why there are no statistics of it, and whether they can be had; null where there are. */
  readonly missing = $derived.by(() => {
    const [run, now] = [this.#store.run, this.point];
    if (!now || now.statistics.test === 'ready') return null;
    const known = noStatistics(run, now, 'test');
    const state = now.statistics.test;
    if (isEmptySplit(run?.corpus, 'test')) return { why: noSplit('test'), canBeComputed: false };
    return {
      why: known ?? 'Top images, firing rate and classes come with the statistics.',
      canBeComputed: (state === 'missing' && known === null && !run?.live) || state === 'stale',
    };
  });
  readonly isRectified = $derived.by(
    () => rectifierOf(this.#store.run?.layers ?? [], this.#unit()?.layer ?? '') !== null,
  );

  constructor(store: CardSource, unit: () => Unit | null) {
    this.#store = store;
    this.#unit = unit;
    this.#top = resource(() => this.#topRequest(unit()), { cacheSize: 256 });
    this.#history = resource(() => {
      const [run, shown] = [store.run, unit()];
      const ready = run?.checkpoints.filter((one) => one.statistics.test === 'ready').length ?? 0;
      if (!run || !shown || ready === 0) return null;
      const { source } = this;
      void this.#retryCount;
      const subject = `${run.id}/${source}/${shown.filter}`;
      return {
        key: `${subject}/${this.#recount.of(subject, ready)}`,
        subject: { name: subject, ms: SWEEP_MS },
        load: (signal) =>
          endpoint('/api/runs/{run}/layers/{layer}/activity', {
            run: run.id,
            layer: source,
            filters: String(shown.filter),
            split: 'test',
          }).json(signal),
      };
    });
    $effect(() => () => this.#recount.stop());
    this.#connections = resource(
      () => {
        const [run, now, shown] = [store.run, this.point, unit()];
        if (!run || !now || !shown || now.problem) return null;
        return {
          key: `${run.id}/${now.hash}/${shown.layer}/${shown.filter}`,
          tag: now.index,
          subject: { name: `${run.id}/${shown.layer}/${shown.filter}`, ms: SWEEP_MS },
          load: (signal) =>
            endpoint(CONNECTIONS, {
              run: run.id,
              checkpoint: now.index,
              layer: shown.layer,
              filter: shown.filter,
              limit: 4,
              v: now.hash.slice(0, 16),
            }).json(signal),
        };
      },
      { cacheSize: 256 },
    );
  }

  #topRequest(shown: Unit | null) {
    const [run, now] = [this.#store.run, this.point];
    if (!run || !now || !shown || now.statistics.test !== 'ready') return null;
    const { source } = this;
    return {
      key: `${run.id}/${now.hash}/${source}/${shown.filter}/${this.#store.statisticsVersion}`,
      tag: now.index,
      subject: { name: `${run.id}/${source}/${shown.filter}`, ms: SWEEP_MS },
      load: (signal: AbortSignal) =>
        endpoint(FILTER, {
          run: run.id,
          checkpoint: now.index,
          layer: source,
          filter: shown.filter,
          split: 'test',
          limit: PATCHES,
        }).json(signal),
    };
  }

  /** The data of this filter, at the checkpoint on the screen or the last one that was read. */
  get top(): TopImages | null {
    const { value } = this.#top;
    return value && value.layer === this.source && value.filter === this.#unit()?.filter ? value : null;
  }
  get topError(): unknown {
    return this.#top.error;
  }
  get slow(): boolean {
    return this.#top.slow;
  }
  get connectionsError(): unknown {
    return this.#connections.error;
  }
  retryConnections(): void {
    this.#connections.retry();
  }
  get history(): ActivityHistory | null {
    const { value } = this.#history;
    return value && value.layer === this.source && value.filters[0] === this.#unit()?.filter ? value : null;
  }
  get connections(): Connections | null {
    const { value } = this.#connections;
    const unit = this.#unit();
    return value && value.layer === unit?.layer && value.filter === unit.filter ? value : null;
  }
}
