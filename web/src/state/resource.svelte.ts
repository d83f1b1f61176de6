/**
 * A request that depends on the store. Call it while a component is being set up:
 *
 *   const matrix = resource(() => store.now && {
 *     key: `${store.run.id}/${store.now.hash}/${split}/${store.statisticsVersion}`,
 *     load: (signal) => endpoint('/api/runs/{run}/weights', { run: store.run.id }).json(signal),
 *   });
 *   matrix.value      the last good answer (it stays while the next one is in flight: nothing blanks)
 *   matrix.tag        the `tag` of that answer's request (a checkpoint, for example)
 *   matrix.pending    a newer one is in flight;   matrix.slow  for over 200 ms with nothing to show
 *   matrix.error      why the latest request failed (an ApiError has `.status` and `.problem`); null while a retry is scheduled
 *
 * A request that fails because the server is away stays pending, the last good answer stays, and it is repeated when the
 * server is back (connection.svelte.ts); so are requests with an error. The latest request wins: older ones are aborted.
 * Answers are cached by key (the last 64), so that scrubbing back is immediate. Return null to request nothing. With
 * `view` the timeline's handle is hollow until the answer has arrived.
 */
import { untrack } from 'svelte';
import { isAbort } from '../api/client';
import { AutoRetry } from './connection.svelte';
import { Quiet, type Subject } from './quiet';
import type { Store } from './store.svelte';

export interface ResourceRequest<T> {
  key: string;
  load: (signal: AbortSignal) => Promise<T>;
  tag?: number;
  /** Requests for several subjects in a row, as of a pointer that sweeps over filters, wait for the one that stays. */
  subject?: Subject;
}

export interface Options {
  /** Number of cached answers. */
  cacheSize?: number;
  /** Name of the view, with `store`: the timeline says which checkpoint (`tag`) it still shows. */
  view?: string;
  store?: Store;
}

export class Resource<T> {
  value = $state.raw<T | null>(null);
  key = $state.raw<string | null>(null);
  tag = $state.raw<number | null>(null);
  pending = $state(false);
  slow = $state(false);
  error = $state.raw<unknown>(null);
  #retryCount = $state(0);
  readonly #options: Options;
  readonly #cache = new Map<string, T>();
  /** The request in flight. The same key again (after a refresh of the run, for example) leaves it alone. */
  #inFlight: { key: string; cancel: () => void } | null = null;
  /** The key in flight or answered last. */
  #lastKey: string | null = null;
  readonly #quiet = new Quiet();
  readonly #autoRetry = new AutoRetry(() => (this.#retryCount += 1));

  constructor(request: () => ResourceRequest<T> | null | undefined | false, options: Options = {}) {
    this.#options = options;
    $effect(() => {
      void this.#retryCount;
      const wanted = request();
      untrack(() => (wanted ? this.#ask(wanted) : this.#settle()));
    });
    $effect(() => () => {
      this.#inFlight?.cancel();
      this.#quiet.cancel();
      this.#autoRetry.done();
    });
    if (options.view) $effect(() => () => this.#markStale(null));
  }

  #markStale(shown: number | null): void {
    const { view, store } = this.#options;
    if (view) store?.staleViews.mark(view, shown);
  }

  #settle(): void {
    this.#autoRetry.done();
    this.#quiet.cancel();
    this.#inFlight?.cancel();
    this.#inFlight = null;
    this.pending = false;
    this.slow = false;
    this.#markStale(null);
  }

  #accept(value: T, { key, tag }: ResourceRequest<T>): void {
    this.#settle();
    this.value = value;
    this.key = key;
    this.tag = tag ?? null;
    this.error = null;
  }

  #ask(wanted: ResourceRequest<T>): void {
    const { key, tag = null } = wanted;
    const cached = this.#cache.get(key);
    if (cached !== undefined) return this.#accept(cached, wanted);
    if (this.#inFlight?.key === key) return;
    // The failures of one key are counted until it is answered.
    if (key !== this.#lastKey) this.#settle();
    this.#lastKey = key;
    if (key === this.key && this.error === null) return;
    this.pending = true;
    if (this.tag !== null && this.tag !== tag) this.#markStale(this.tag);
    if (wanted.subject) this.#quiet.run(wanted.subject, () => this.#send(wanted));
    else this.#send(wanted);
  }

  #send(wanted: ResourceRequest<T>): void {
    const abort = new AbortController();
    const timer = setTimeout(() => (this.slow = true), 200);
    const cancel = () => {
      abort.abort();
      clearTimeout(timer);
    };
    this.#inFlight = { key: wanted.key, cancel };
    wanted.load(abort.signal).then(
      (value) => {
        if (abort.signal.aborted) return;
        this.#remember(wanted.key, value);
        this.#accept(value, wanted);
      },
      (error: unknown) => {
        if (abort.signal.aborted || isAbort(error)) return;
        this.#inFlight = null;
        clearTimeout(timer);
        this.#fail(error);
      },
    );
  }

  #remember(key: string, value: T): void {
    const { cacheSize = 64 } = this.#options;
    this.#cache.set(key, value);
    if (this.#cache.size > cacheSize) this.#cache.delete(this.#cache.keys().next().value as string);
  }

  #fail(error: unknown): void {
    // Images and statistics may still be computed; meanwhile the older answer is better than an error.
    if (this.#autoRetry.failed(error, this.value !== null)) {
      this.slow = true;
      this.error = null;
      return;
    }
    this.pending = false;
    this.slow = false;
    this.#markStale(null);
    this.error = error;
  }

  retry(): void {
    this.error = null;
    this.key = null;
    this.#retryCount += 1;
  }
}

export function resource<T>(
  request: () => ResourceRequest<T> | null | undefined | false,
  options?: Options,
): Resource<T> {
  return new Resource(request, options);
}
