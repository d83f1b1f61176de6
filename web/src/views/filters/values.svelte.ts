/** Exact values under the pointer: raw floats, fetched when the pointer rests on a tile, cached for the last few sheets. */
import { getValues, type Values } from '../../api/client';
import { valuesUrl, type SheetRequest } from '../../api/pictureUrls';

const MAX_CACHED = 24;
const PAUSE_MS = 50;

export class ValueReader {
  /** Grows when values arrived. */
  version = $state(0);
  #cache = new Map<string, Values | null>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The values if they are cached; else null, and they are requested after a short rest. */
  read(request: SheetRequest): Values | null {
    const url = valuesUrl(request);
    const cached = this.#cache.get(url);
    if (cached !== undefined) return cached;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#fetch(url), PAUSE_MS);
    return null;
  }

  async #fetch(url: string): Promise<void> {
    if (this.#cache.has(url)) return;
    this.#cache.set(url, null);
    try {
      this.#cache.set(url, await getValues(url));
    } catch {
      // The tooltip then simply has no number; the next rest asks again.
      this.#cache.delete(url);
      return;
    }
    while (this.#cache.size > MAX_CACHED) this.#cache.delete(this.#cache.keys().next().value as string);
    this.version += 1;
  }
}
