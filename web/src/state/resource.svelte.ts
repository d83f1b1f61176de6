/**
 * One thing asked of the server that depends on the store. Call it while a component is being set up:
 *
 *   const matrix = resource(() => store.now && {
 *     key: `${store.run.id}/${store.now.hash}/${split}/${store.statistics}`,
 *     load: (signal) => routes.confusion(store.run.id, store.checkpoint, split, signal),
 *   });
 *   matrix.value      the last good answer (it stays while the next one is on its way: nothing blanks)
 *   matrix.tag        what `tag` said when that answer was asked for (a checkpoint, say)
 *   matrix.pending    a newer one is on its way;   matrix.slow  for over 200 ms with nothing to show
 *   matrix.error      why the newest wish failed (an ApiError has `.status` and `.problem`); null while it is waited for
 *
 * What fails because the server is away is no error: it stays pending, the last good answer stays, and it is asked again
 * when the server is back (connection.svelte.ts). Errors are asked again then, too. The newest wish wins: the older request is abandoned. Answers are remembered by key (the last 64), so that scrubbing
 * back is immediate. Return null to ask nothing. `reader` makes the timeline's handle hollow until the answer is there.
 */
import { untrack } from 'svelte';
import { isAbort } from '../api/client';
import { Comeback } from './connection.svelte';
import type { Store } from './store.svelte';

export interface Wish<T> {
  key: string;
  load: (signal: AbortSignal) => Promise<T>;
  tag?: number;
}

export interface Options {
  remember?: number;
  /** With `store`: tells the timeline which checkpoint (`tag`) is still shown. */
  reader?: string;
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

  constructor(wish: () => Wish<T> | null | undefined | false, options: Options = {}) {
    const memory = new Map<string, T>();
    const { remember = 64, reader, store } = options;
    // What is on its way. The same question asked again (the run was read anew, say) leaves it alone.
    let flight: { key: string; cancel: () => void } | null = null;
    /** The question that is open or was answered last. */
    let waited: string | null = null;
    const comeback = new Comeback(() => (this.#again += 1));
    const settle = () => {
      comeback.done();
      flight?.cancel();
      flight = null;
      this.pending = false;
      this.slow = false;
      if (reader) store?.setLate(reader, null);
    };
    const ask = (wanted: Wish<T>) => {
      const { key, load, tag = null } = wanted;
      const accept = (value: T) => {
        settle();
        this.value = value;
        this.key = key;
        this.tag = tag;
        this.error = null;
      };
      const kept = memory.get(key);
      if (kept !== undefined) return accept(kept);
      if (flight?.key === key) return;
      // The failures of one question are counted until it is answered.
      if (key !== waited) settle();
      waited = key;
      if (key === this.key && this.error === null) return;
      const abort = new AbortController();
      this.pending = true;
      if (reader && this.tag !== null && this.tag !== tag) store?.setLate(reader, this.tag);
      const timer = setTimeout(() => (this.slow = true), 200);
      const cancel = () => {
        abort.abort();
        clearTimeout(timer);
      };
      flight = { key, cancel };
      load(abort.signal).then(
        (value) => {
          if (abort.signal.aborted) return;
          memory.set(key, value);
          if (memory.size > remember) memory.delete(memory.keys().next().value as string);
          accept(value);
        },
        (error: unknown) => {
          if (abort.signal.aborted || isAbort(error)) return;
          flight = null;
          clearTimeout(timer);
          // Images and statistics may be on their way; meanwhile what was there is better than why nothing is.
          if (comeback.failed(error, this.value !== null)) {
            this.slow = true;
            this.error = null;
            return;
          }
          this.pending = false;
          this.slow = false;
          if (reader) store?.setLate(reader, null);
          this.error = error;
        },
      );
    };
    $effect(() => {
      void this.#again;
      const wanted = wish();
      untrack(() => (wanted ? ask(wanted) : settle()));
    });
    $effect(() => () => {
      flight?.cancel();
      comeback.done();
    });
    if (reader) $effect(() => () => store?.setLate(reader, null));
  }

  retry(): void {
    this.error = null;
    this.key = null;
    this.#again += 1;
  }
}

export function resource<T>(wish: () => Wish<T> | null | undefined | false, options?: Options): Resource<T> {
  return new Resource(wish, options);
}
