/** Exact values under the pointer: raw floats, fetched when one rests on a tile, kept for the last few sheets. */
import { getValues, type Values } from '../../api/client';
import { valuesUrl, type SheetRequest } from '../../api/pictureUrls';

const KEPT = 24;
const PAUSE_MS = 50;

export class ValueReader {
  /** Grows when values arrived. */
  version = $state(0);
  #kept = new Map<string, Values | null>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The values if they are here, else null (and they are asked for after a short rest). */
  read(request: SheetRequest): Values | null {
    const url = valuesUrl(request);
    const kept = this.#kept.get(url);
    if (kept !== undefined) return kept;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#fetch(url), PAUSE_MS);
    return null;
  }

  async #fetch(url: string): Promise<void> {
    if (this.#kept.has(url)) return;
    this.#kept.set(url, null);
    try {
      this.#kept.set(url, await getValues(url));
    } catch {
      // The tooltip then simply has no number; the next rest asks again.
      this.#kept.delete(url);
      return;
    }
    while (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value as string);
    this.version += 1;
  }
}
