/** Reads the data of the story of two runs, each at its last checkpoint, and applies the rules. */
import { ApiError, endpoint } from '../../../api/client';
import type { Checkpoint, ClockAnswer, ComparedErrors, Run, RunCurves } from '../../../api/types';
import type { TwoCheckpoints } from '../../../state/pairing';
import { resource, type Resource } from '../../../state/resource.svelte';
import { secondRun } from '../../../state/secondRun.svelte';
import type { Store } from '../../../state/store.svelte';
import { LayerPairs } from '../../common/runs/layerPairs.svelte';
import { comparedLayersOf, counterpart, type ComparedLayers } from '../../common/runs/layers';
import { shipRule, tell } from './ship';
import type { End, TwoFacts, TwoSentence, SilentRule } from './tell';

/** A value with the key of the two checkpoints that it belongs to. */
interface About<T> {
  key: string;
  found: T;
}

const lastUsable = (run: Run | null): Checkpoint | null =>
  run?.checkpoints.findLast((one) => !one.problem && !one.diverged) ?? null;

/** The server cannot compare the two in this respect, or not yet. That is no failure, and retrying would not help. */
const isRefused = (error: unknown): error is ApiError =>
  error instanceof ApiError && [400, 409, 422].includes(error.status);
const reasonOf = (error: ApiError): string =>
  [error.problem.detail || error.problem.title, error.problem.hint].filter(Boolean).join('; ');

export class TwoStory {
  readonly #store: Store;
  readonly #errors: Resource<About<ComparedErrors>>;
  readonly #layers: Resource<About<ComparedLayers>>;
  readonly #time: Resource<About<ClockAnswer>>;
  readonly #speeds: Resource<About<RunCurves[]>>;
  readonly #units: LayerPairs;

  /** Call while a component is being set up. */
  constructor(store: Store) {
    this.#store = store;
    const read = <T>(name: string, load: (at: TwoCheckpoints, signal: AbortSignal) => Promise<T>) =>
      resource<About<T>>(() => {
        const { at, key } = this;
        return (
          at && { key: `${key}/${name}`, load: async (signal) => ({ key, found: await load(at, signal) }) }
        );
      });
    this.#errors = read('errors', (at, signal) =>
      endpoint('/api/runs/{run}/checkpoints/{checkpoint}/compare/errors', { ...at, split: 'test' }).json(
        signal,
      ),
    );
    this.#layers = read('layers', async (at, signal) =>
      comparedLayersOf(
        await endpoint('/api/runs/{run}/checkpoints/{checkpoint}/compare/layers', at).json(signal),
      ),
    );
    this.#time = read('time', ({ run, b }, signal) =>
      endpoint('/api/runs/{run}/clock', { run, b, by: 'time' }).json(signal),
    );
    this.#speeds = read('speeds', async ({ run, b }, signal) => {
      const runs = [...new Set([run, b])].join(',');
      return (await endpoint('/api/curves', { runs, points: 2 }).json(signal)).curves;
    });
    this.#units = new LayerPairs(() => {
      const { at, layers, key } = this;
      if (!at || !layers) return null;
      const weighted = (store.run?.layers ?? []).filter((one) => one.weight_shape).map(({ name }) => name);
      const pairs = layers.a.flatMap((layer) => {
        const b_layer = weighted.includes(layer) ? counterpart(layers, layer, '') : null;
        return b_layer === null ? [] : [{ layer, b_layer }];
      });
      return { key: `${key}/units`, at, layers: pairs };
    });
    $effect(() => {
      const now = this.#entries;
      if (now.entries.length && !this.pending.length) this.#whole = { pair: this.#pair, ...now };
    });
  }

  /** The checkpoints that the runs are judged by; null while one of them is being read or has none. */
  readonly ends = $derived.by<{ a: Checkpoint; b: Checkpoint } | null>(() => {
    const a = lastUsable(this.#store.run);
    const b = secondRun.isPinned ? secondRun.now : lastUsable(secondRun.run);
    return a && b && !b.problem ? { a, b } : null;
  });
  readonly at = $derived.by<TwoCheckpoints | null>(() => {
    const [run, b] = [this.#store.run, secondRun.run];
    if (!run || !b || !this.ends) return null;
    return { run: run.id, checkpoint: this.ends.a.index, b: b.id, b_checkpoint: this.ends.b.index };
  });
  /** A key that changes when the comparison does. */
  readonly key = $derived.by(() =>
    this.at && this.ends
      ? `${this.at.run}/${this.ends.a.hash}/${this.at.b}/${this.ends.b.hash}/${this.#store.statisticsVersion}`
      : '',
  );

  /** The value read for these two checkpoints; null until it is read, and after a failure. */
  #of<T>(read: Resource<About<T>>): T | null {
    return !read.error && read.value?.key === this.key ? read.value.found : null;
  }
  get errors(): ComparedErrors | null {
    return this.#of(this.#errors);
  }
  get layers(): ComparedLayers | null {
    return this.#of(this.#layers);
  }

  #end(run: Run, point: Checkpoint, seconds: number | null): End {
    const summary = this.#store.runs.find((one) => one.id === run.id) ?? null;
    const speed = this.#of(this.#speeds)?.find((one) => one.run === run.id)?.images_per_second ?? null;
    return {
      run,
      point,
      settings: summary?.settings ?? null,
      network: summary?.network ?? null,
      corpus: run.corpus,
      parameters: run.layers.reduce((sum, layer) => sum + layer.parameters, 0),
      imagesPerSecond: speed,
      seconds,
    };
  }
  readonly facts = $derived.by<TwoFacts | null>(() => {
    const [run, b] = [this.#store.run, secondRun.run];
    if (!run || !b || !this.ends) return null;
    const time = this.#of(this.#time);
    const isMatched = this.#units.read === `${this.key}/units`;
    return {
      a: this.#end(run, this.ends.a, time?.a[this.ends.a.index] ?? null),
      b: this.#end(b, this.ends.b, time?.b[this.ends.b.index] ?? null),
      errors: this.errors,
      layers: this.layers,
      units: isMatched ? this.#units.found : null,
    };
  });

  readonly #reads = $derived.by(() => [
    { id: 'errors', read: this.#errors as Resource<unknown> },
    { id: 'similarity of the layers', read: this.#layers as Resource<unknown> },
    { id: 'training time', read: this.#time as Resource<unknown> },
    { id: 'speed', read: this.#speeds as Resource<unknown> },
  ]);
  /** Names of what is still being read. */
  readonly pending = $derived.by<string[]>(() => {
    if (!this.at) return [];
    const reads = this.#reads.filter(({ read }) => read.pending).map(({ id }) => id);
    const units = this.layers && this.#units.read !== `${this.key}/units` ? ['matched filters'] : [];
    return [...reads, ...units];
  });
  /** The first failure that is not a refusal. */
  readonly failure = $derived.by(
    () => this.#reads.map(({ read }) => read).find(({ error }) => error && !isRefused(error)) ?? null,
  );
  readonly #refused = $derived.by<SilentRule[]>(() =>
    this.#reads.flatMap(({ id, read }) =>
      isRefused(read.error) ? [{ id, reason: reasonOf(read.error) }] : [],
    ),
  );
  /** Why the errors cannot be compared; empty where they can, or while they are being read. */
  readonly whyNoErrors = $derived.by(() => (isRefused(this.#errors.error) ? reasonOf(this.#errors.error) : ''));

  /** No sentence is shown until the data of the first has been read, so that the recommendation does not change. */
  readonly #entries = $derived.by<{ entries: TwoSentence[]; silent: SilentRule[] }>(() => {
    const { facts } = this;
    const isSettled = ({ pending, error, value }: Resource<About<unknown>>) =>
      !pending && (error !== null || value?.key === this.key);
    const isReady = isSettled(this.#errors) && isSettled(this.#time) && isSettled(this.#speeds);
    if (!facts || !isReady) return { entries: [], silent: [] };
    const { entries, silent } = tell(facts);
    return { entries: [shipRule(facts), ...entries], silent: [...silent, ...this.#refused] };
  });
  /** The last complete story: while a run trains it is shown until the next one is complete. */
  #whole = $state.raw<{ pair: string; entries: TwoSentence[]; silent: SilentRule[] } | null>(null);
  readonly #pair = $derived.by(() =>
    [this.at?.run, this.at?.b, secondRun.isPinned ? this.at?.b_checkpoint : ''].join('\n'),
  );
  readonly #shown = $derived.by(() =>
    this.pending.length && this.#whole?.pair === this.#pair ? this.#whole : this.#entries,
  );
  get entries(): TwoSentence[] {
    return this.#shown.entries;
  }
  get silent(): SilentRule[] {
    return this.#shown.silent;
  }
  get requests(): string[] {
    const { at } = this;
    if (!at) return [];
    return [
      endpoint('/api/runs/{run}/checkpoints/{checkpoint}/compare/errors', { ...at, split: 'test' }).url,
      endpoint('/api/runs/{run}/checkpoints/{checkpoint}/compare/layers', at).url,
      endpoint('/api/runs/{run}/clock', { run: at.run, b: at.b, by: 'time' }).url,
      endpoint('/api/curves', { runs: `${at.run},${at.b}`, points: 2 }).url,
    ];
  }
}
