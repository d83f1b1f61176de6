/**
 * A request that depends on the store. Call it while a component is being set up:
 *
 *   const matrix = resource(() => store.now && {
 *     key: `${store.run.id}/${store.now.hash}/${split}/${store.statistics}`,
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
import type { Store } from './store.svelte';

export interface ResourceRequest<T> {
  key: string;
  load: (signal: AbortSignal) => Promise<T>;
  tag?: number;
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
  #again = $state(0);

  constructor(request: () => ResourceRequest<T> | null | undefined | false, options: Options = {}) {
    const cache = new Map<string, T>();
    const { cacheSize = 64, view, store } = options;
    // The request in flight. The same key again (after a refresh of the run, for example) leaves it alone.
    let inFlight: { key: string; cancel: () => void } | null = null;
    /** The key in flight or answered last. */
    let lastKey: string | null = null;
    const autoRetry = new AutoRetry(() => (this.#again += 1));
    const settle = () => {
      autoRetry.done();
      inFlight?.cancel();
      inFlight = null;
      this.pending = false;
      this.slow = false;
      if (view) store?.staleViews.mark(view, null);
    };
    const ask = (wanted: ResourceRequest<T>) => {
      const { key, load, tag = null } = wanted;
      const accept = (value: T) => {
        settle();
        this.value = value;
        this.key = key;
        this.tag = tag;
        this.error = null;
      };
      const cached = cache.get(key);
      if (cached !== undefined) return accept(cached);
      if (inFlight?.key === key) return;
      // The failures of one key are counted until it is answered.
      if (key !== lastKey) settle();
      lastKey = key;
      if (key === this.key && this.error === null) return;
      const abort = new AbortController();
      this.pending = true;
      if (view && this.tag !== null && this.tag !== tag) store?.staleViews.mark(view, this.tag);
      const timer = setTimeout(() => (this.slow = true), 200);
      const cancel = () => {
        abort.abort();
        clearTimeout(timer);
      };
      inFlight = { key, cancel };
      load(abort.signal).then(
        (value) => {
          if (abort.signal.aborted) return;
          cache.set(key, value);
          if (cache.size > cacheSize) cache.delete(cache.keys().next().value as string);
          accept(value);
        },
        (error: unknown) => {
          if (abort.signal.aborted || isAbort(error)) return;
          inFlight = null;
          clearTimeout(timer);
          // Images and statistics may still be computed; meanwhile the older answer is better than an error.
          if (autoRetry.failed(error, this.value !== null)) {
            this.slow = true;
            this.error = null;
            return;
          }
          this.pending = false;
          this.slow = false;
          if (view) store?.staleViews.mark(view, null);
          this.error = error;
        },
      );
    };
    $effect(() => {
      void this.#again;
      const wanted = request();
      untrack(() => (wanted ? ask(wanted) : settle()));
    });
    $effect(() => () => {
      inFlight?.cancel();
      autoRetry.done();
    });
    if (view) $effect(() => () => store?.staleViews.mark(view, null));
  }

  retry(): void {
    this.error = null;
    this.key = null;
    this.#again += 1;
  }
}

export function resource<T>(
  request: () => ResourceRequest<T> | null | undefined | false,
  options?: Options,
): Resource<T> {
  return new Resource(request, options);
}
