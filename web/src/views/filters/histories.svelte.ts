/**
 * The histories of the weights of the layers on the screen: of the chosen layer first, then of those that the network strip
 * shows, a few at a time. A deep network has hundreds, and pictures must not wait behind them.
 */
import { untrack } from 'svelte';
import { SvelteSet } from 'svelte/reactivity';
import { ApiError, endpoint, isAbort } from '../../api/client';
import type { LayerHistory, Run } from '../../api/types';
import { AutoRetry, isTransient } from '../../state/connection.svelte';
import type { Store } from '../../state/store.svelte';

const AT_ONCE = 2;

export class Histories {
  /** Histories by layer. An older answer stays while a newer one is in flight. */
  all = $state.raw<Readonly<Record<string, LayerHistory>>>({});
  readonly #shown = new SvelteSet<string>();
  #retryCount = $state(0);
  #run = '';
  #queue: { name: string; version: string }[] = [];
  #inFlight = 0;
  #abort = new AbortController();
  /** For every layer, the version of the run that its answer belongs to. */
  readonly #answered = new Map<string, string>();
  readonly #autoRetry = new AutoRetry(() => (this.#retryCount += 1));

  constructor(store: Store) {
    $effect(() => {
      void this.#retryCount;
      const { run, layer } = store;
      if (!run) return;
      const wanted = [layer, ...this.#shown];
      untrack(() => this.#want(run, wanted));
    });
    $effect(() => () => {
      this.#abort.abort();
      this.#autoRetry.done();
    });
  }

  /** The layers that the strip shows from now on. */
  show(names: readonly string[]): void {
    for (const name of this.#shown) if (!names.includes(name)) this.#shown.delete(name);
    for (const name of names) this.#shown.add(name);
  }

  #want(run: Run, names: readonly string[]): void {
    if (run.id !== this.#run) {
      this.#abort.abort();
      this.#abort = new AbortController();
      this.#answered.clear();
      this.#run = run.id;
      this.#inFlight = 0;
      this.all = {};
    }
    const version = `${run.checkpoints.length}/${run.checkpoints.at(-1)?.hash ?? ''}`;
    const kernels = new Set(run.layers.filter((l) => l.sheet_shape).map((l) => l.name));
    this.#queue = [...new Set(names)]
      .filter((name) => kernels.has(name) && this.#answered.get(name) !== version)
      .map((name) => ({ name, version }));
    while (this.#inFlight < AT_ONCE && this.#queue.length) void this.#next();
  }

  async #next(): Promise<void> {
    const next = this.#queue.shift();
    if (!next) return;
    const { name, version } = next;
    const { signal } = this.#abort;
    this.#answered.set(name, version);
    this.#inFlight += 1;
    try {
      const answer = await endpoint('/api/runs/{run}/layers/{layer}/history', {
        run: this.#run,
        layer: name,
      }).json(signal);
      if (signal.aborted) return;
      this.all = { ...this.all, [name]: answer };
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      // What the server refuses it refuses again.
      if (isTransient(error) || !(error instanceof ApiError && error.status < 500)) this.#answered.delete(name);
      this.#autoRetry.failed(error, true);
    }
    this.#inFlight -= 1;
    await this.#next();
  }
}
