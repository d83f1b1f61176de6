/** Causes of deaths and returns, computed for requested units only and cached. */
import { endpoint, getValues } from '../../../api/client';
import { valuesUrl } from '../../../api/pictureUrls';
import type { ActivityHistory, LayerHistory, Run } from '../../../api/types';
import type { Store } from '../../../state/store.svelte';
import { rectifierOf } from '../../common/activity';
import { causeOf, channelSums, imageParts, methodOf, partsOf, type Cause, type Input } from './cause';
import type { Turn } from './life';

/** The key includes the snapshots: a run that was trained again under the same name has other causes. */
function keyOf(run: Run | null, { layer, unit, from, at }: Turn): string {
  const hash = (checkpoint: number | null) =>
    checkpoint === null ? '' : (run?.checkpoints[checkpoint]?.hash ?? '');
  return `${run?.id}/${layer}/${unit}/${hash(from)}/${hash(at)}`;
}
const finite = (value: number | null | undefined): number => value ?? NaN;

export class Causes {
  /** Grows when a cause was computed. */
  #version = $state(0);
  readonly #store: Store;
  #cache = new Map<string, Cause | null>();
  #asked = new Map<string, Promise<void>>();
  /** Histories of layers, as many checkpoints as there were. */
  #layers = new Map<string, Promise<unknown>>();
  #of = '';

  constructor(store: Store) {
    this.#store = store;
  }

  /** The cache is for one run and its number of checkpoints: the histories of a live run grow. */
  #fresh(): void {
    const { run, statisticsVersion } = this.#store;
    const of = `${run?.id}/${run?.checkpoints.length}/${statisticsVersion}`;
    if (of === this.#of) return;
    if (!this.#of.startsWith(`${run?.id}/`)) this.#cache.clear();
    // Requests that failed are repeated.
    for (const [key, cause] of this.#cache) if (cause === null) this.#cache.delete(key);
    this.#asked.clear();
    this.#layers.clear();
    this.#of = of;
  }

  /** The cause if it is known: undefined while it is not, null where it could not be read. */
  known(turn: Turn): Cause | null | undefined {
    void this.#version;
    return this.#cache.get(keyOf(this.#store.run, turn));
  }

  ask(turn: Turn): Promise<void> {
    this.#fresh();
    const key = keyOf(this.#store.run, turn);
    if (turn.from === null || this.#cache.has(key)) return Promise.resolve();
    const asked =
      this.#asked.get(key) ??
      this.#compute(turn)
        .catch(() => null)
        .then((cause) => {
          this.#cache.set(key, cause);
          this.#version += 1;
        });
    this.#asked.set(key, asked);
    return asked;
  }

  #once<T>(key: string, load: () => Promise<T>): Promise<T> {
    const cached = this.#layers.get(key) as Promise<T> | undefined;
    if (cached) return cached;
    const answer = load();
    answer.catch(() => this.#layers.delete(key));
    this.#layers.set(key, answer);
    return answer;
  }

  #activity(run: Run, layer: string): Promise<ActivityHistory> {
    return this.#once(`activity/${layer}`, () =>
      endpoint('/api/runs/{run}/layers/{layer}/activity', { run: run.id, layer, split: 'test' }).json(),
    );
  }

  async #weights(run: Run, { layer, unit }: Turn, checkpoint: number, channels: number): Promise<number[]> {
    const { hash } = run.checkpoints[checkpoint];
    const address = valuesUrl({ run: run.id, checkpoint, hash, layer, filters: String(unit) });
    return channelSums((await getValues(address)).data, channels);
  }

  async #compute(turn: Turn): Promise<Cause | null> {
    const { run } = this.#store;
    const { layer, unit, from, at } = turn;
    if (!run || from === null) return null;
    const own = await this.#activity(run, layer);
    const inputAt = (checkpoint: number): Input => {
      const i = own.checkpoints.indexOf(checkpoint);
      return { mean: finite(own.mean[i]?.[unit]), max: finite(own.max[i]?.[unit]) };
    };
    const [before, after] = [inputAt(from), inputAt(at)];
    const none = (why: string) => ({ ...causeOf(before, after, null, false), why });
    const method = methodOf(run.layers, layer, rectifierOf(run.layers, layer) ?? layer);
    if (method.kind === 'none') return none(method.why);
    const history = await this.#once<LayerHistory>(`history/${layer}`, () =>
      endpoint('/api/runs/{run}/layers/{layer}/history', { run: run.id, layer }).json(),
    );
    const bias = (c: number) => history.filters.bias[history.checkpoints.indexOf(c)]?.[unit] ?? 0;
    const lacking = (name: string) => none(`the statistics leave out ${name}`);
    if (method.kind === 'images' && !Number.isFinite(before.mean + after.mean)) return lacking(layer);
    if (method.kind === 'images')
      return causeOf(before, after, imageParts(before, after, bias(from), bias(at)), false);
    const means = await this.#activity(run, method.input);
    const has = (c: number) => means.checkpoints.includes(c);
    if (!has(from) || !has(at)) return lacking(method.input);
    const side = async (c: number) => ({
      weights: await this.#weights(run, turn, c, method.channels),
      inputs: (means.mean[means.checkpoints.indexOf(c)] ?? []).map(finite),
      bias: bias(c),
    });
    const parts = partsOf(await side(from), await side(at));
    return causeOf(before, after, parts, !method.isExact);
  }
}
