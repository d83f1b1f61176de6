/** For images that are shown: LayerCAM's maps of the class that the network predicts, at the checkpoint on the screen. */
import { untrack } from 'svelte';
import { endpoint, isAbort } from '../../../api/client';
import type { Explanation } from '../../../api/types';
import type { Store } from '../../../state/store.svelte';
import { switchedOff } from '../../../state/switchedOff.svelte';

/** Requests at a time: others of the page get their turn. */
const AT_ONCE = 3;
/** Number of cached maps. */
const MAX_CACHED = 512;

export class AnswerMaps {
  #cache = new Map<string, Explanation>();
  #version = $state(0);
  /** What the maps are of: run, checkpoint and units that are off. */
  #at = $state.raw('');
  /** The last reason why a map was not there: of a network without maps, for example. */
  error = $state.raw<unknown>(null);

  /** `ids` of images, or null where none is wanted. */
  constructor(store: Store, ids: () => readonly number[] | null) {
    $effect(() => {
      const { run, now } = store;
      const wanted = ids();
      if (!run || !now || now.problem || !run.corpus.available || !wanted) return;
      const at = `${run.id}/${now.hash}/${switchedOff.text}`;
      this.#at = at;
      const missing = untrack(() => wanted.filter((id) => !this.#cache.has(`${at}/${id}`)));
      if (!missing.length) return;
      const abort = new AbortController();
      const asks = {
        run: run.id,
        checkpoint: now.index,
        off: switchedOff.parameter,
        v: now.hash.slice(0, 16),
      };
      // Maps are requested only when the playhead rests.
      const timer = setTimeout(() => {
        for (let n = 0; n < AT_ONCE; n += 1) void this.#read(at, missing, asks, abort.signal);
      }, 60);
      return () => {
        clearTimeout(timer);
        abort.abort();
      };
    });
  }

  async #read(
    at: string,
    missing: number[],
    asks: { run: string; checkpoint: number; off: string | null; v: string },
    signal: AbortSignal,
  ): Promise<void> {
    for (let image = missing.shift(); image !== undefined && !signal.aborted; image = missing.shift()) {
      try {
        const path = '/api/runs/{run}/checkpoints/{checkpoint}/explain/{image}' as const;
        const map = await endpoint(path, { ...asks, image }).json(signal);
        if (this.#cache.size >= MAX_CACHED) this.#cache.delete(this.#cache.keys().next().value as string);
        this.#cache.set(`${at}/${image}`, map);
        this.error = null;
        this.#version += 1;
      } catch (error) {
        if (isAbort(error)) return;
        this.error = error;
        return;
      }
    }
  }

  of(id: number | null): Explanation | null {
    void this.#version;
    return id === null ? null : (this.#cache.get(`${this.#at}/${id}`) ?? null);
  }
}

/** Whether the maps lie over the images: the same choice in every view. */
export const mapsOver = (store: Store): boolean => store.option('why.over', '') === '1';
