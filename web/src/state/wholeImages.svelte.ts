/** Cache of corpus images at their own size, for what a tile is too small for, or does not show: parts of large images. */
import { request } from '../api/client';
import { imageUrl } from '../api/pictureUrls';
import type { Run } from '../api/types';
import { begin, end } from '../base/idle';
import { AutoRetry } from './connection.svelte';

/** Limit of decoded bytes in the cache. */
const MAX_BYTES = 96 * 1024 * 1024;

export class WholeImages {
  /** Grows when images arrived: read it in an effect that draws. */
  version = $state(0);
  #corpus: Run['corpus'] | null = null;
  /** Images by id, the least recently used first. */
  readonly #images = new Map<number, ImageBitmap>();
  #bytes = 0;
  readonly #inFlight = new Set<number>();
  readonly #failed = new Set<number>();
  readonly #autoRetry = new AutoRetry(() => {
    this.#failed.clear();
    this.version += 1;
  });

  setCorpus(corpus: Run['corpus']): void {
    this.#corpus = corpus;
    for (const image of this.#images.values()) image.close();
    this.#images.clear();
    this.#bytes = 0;
    this.#failed.clear();
    this.version += 1;
  }

  /** The image; null where it is not cached. Then it is requested, and `version` grows when it arrives or fails. */
  get(id: number): ImageBitmap | null {
    const image = this.#images.get(id);
    if (image) {
      this.#images.delete(id);
      this.#images.set(id, image);
      return image;
    }
    if (this.#corpus?.available && !this.#inFlight.has(id) && !this.#failed.has(id)) void this.#fetch(id);
    return null;
  }

  async #fetch(id: number): Promise<void> {
    const corpus = this.#corpus;
    if (!corpus) return;
    this.#inFlight.add(id);
    begin();
    try {
      const response = await request(imageUrl(corpus.id, corpus.identity, id));
      const image = await createImageBitmap(await response.blob());
      if (this.#corpus?.identity !== corpus.identity) return image.close();
      this.#keep(id, image);
      this.#autoRetry.done();
    } catch (error) {
      this.#failed.add(id);
      this.#autoRetry.failed(error);
    } finally {
      this.#inFlight.delete(id);
      this.version += 1;
      end();
    }
  }

  #keep(id: number, image: ImageBitmap): void {
    this.#images.set(id, image);
    this.#bytes += image.width * image.height * 4;
    for (const [oldest, old] of this.#images) {
      if (this.#bytes <= MAX_BYTES || oldest === id) break;
      this.#images.delete(oldest);
      this.#bytes -= old.width * old.height * 4;
      old.close();
    }
  }
}
