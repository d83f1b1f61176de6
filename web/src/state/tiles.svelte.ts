/**
 * Cache of corpus images by id, decoded in a few large off-screen canvases. Calls of one frame become one request (an
 * atlas); a cached image is drawn at once, so scrolling and scrubbing never flicker. Used through `<Thumbs>` and
 * `<Thumb>` of views/common.
 */
import { request } from '../api/client';
import { atlasUrl, imageUrl } from '../api/pictureUrls';
import type { Run } from '../api/types';
import { begin, end } from '../base/idle';
import { isSharp, partOfImage, partOfTile, type Box } from '../base/imagePart';
import { contained, type ImageSize } from '../base/thumbSize';
import { AutoRetry, connection } from './connection.svelte';
import { WholeImages } from './wholeImages.svelte';

const PAGE_PX = 1024;
const MAX_BYTES = 96 * 1024 * 1024;
const BATCH = 256;

interface Slot {
  page: number;
  x: number;
  y: number;
}

export class Tiles {
  /** Grows when images arrived: read it in an effect that draws. */
  version = $state(0);
  /** The size of the server's tiles, which reduces large images; known from the first that arrived. */
  width = 0;
  height = 0;
  /** Images that are larger than their tiles, at their own size. */
  readonly whole = new WholeImages();
  readonly #present: () => Run['corpus'] | null;
  #corpus: Run['corpus'] | null = null;
  #pages: HTMLCanvasElement[] = [];
  #slots = new Map<number, Slot>();
  #free: Slot[] = [];
  #inFlight = new Set<number>();
  #queue: number[] = [];
  #failed = new Map<number, number>();
  /** A request failed: its images are requested again by the views that still need them. */
  #hasFailed = false;
  readonly #autoRetry = new AutoRetry(() => {
    this.#hasFailed = false;
    this.#failed.clear();
    this.version += 1;
  });

  /** `present` is the corpus of the open run: the addresses of images follow it. */
  constructor(present: () => Run['corpus'] | null) {
    this.#present = present;
  }

  setCorpus(corpus: Run['corpus']): void {
    const old = this.#corpus;
    const isSame = old?.id === corpus.id && old.identity === corpus.identity;
    if (isSame && old.available === corpus.available) return;
    this.#corpus = corpus;
    this.whole.setCorpus(corpus);
    // Same images, newly available or not: the cache stays valid when a restarted server reads the corpus again.
    if (isSame) {
      this.#failed.clear();
      this.version += 1;
      return;
    }
    this.width = 0;
    this.height = 0;
    this.#pages = [];
    this.#slots.clear();
    this.#free = [];
    this.#inFlight.clear();
    this.#queue = [];
    this.#failed.clear();
    this.version += 1;
  }

  has(id: number): boolean {
    return this.#slots.has(id);
  }

  /** True when every image is cached; otherwise requests those missing, and `version` grows when they arrive. */
  load(ids: readonly number[]): boolean {
    let complete = true;
    if (this.#corpus?.available === false) {
      // Unavailable images are not waited for; those that the server still reads are. `version` grows then.
      return !connection.readsImages || ids.every((id) => this.#slots.has(id));
    }
    for (const id of ids) {
      if (this.#slots.has(id)) continue;
      if ((this.#failed.get(id) ?? 0) >= 3) continue;
      complete = false;
      if (this.#inFlight.has(id)) continue;
      this.#inFlight.add(id);
      if (this.#queue.push(id) === 1) queueMicrotask(() => this.#send());
    }
    return complete;
  }

  /** Draws an image into a rectangle; false when it is not cached (nothing is drawn then). */
  draw(
    context: CanvasRenderingContext2D,
    id: number,
    x: number,
    y: number,
    width: number,
    height: number,
  ): boolean {
    const slot = this.#slots.get(id);
    if (!slot) return false;
    this.#slots.delete(id);
    this.#slots.set(id, slot);
    const to = contained(this, { x, y, width, height });
    context.imageSmoothingEnabled = to.width < this.width;
    context.drawImage(
      this.#pages[slot.page],
      slot.x,
      slot.y,
      this.width,
      this.height,
      to.x,
      to.y,
      to.width,
      to.height,
    );
    return true;
  }

  /**
   * Draws a part of an image, given in pixels of the network's input (`imagePart.ts`): from its tile, or from the whole
   * image where the tile has too few pixels or does not tell where the part lies. `missing` where nothing could be
   * drawn yet, `coarse` where it was drawn from the tile and the image has not come.
   */
  drawPart(
    context: CanvasRenderingContext2D,
    id: number,
    input: ImageSize,
    part: Box,
    to: Box,
  ): 'drawn' | 'coarse' | 'missing' {
    const slot = this.#slots.get(id);
    if (!slot) return 'missing';
    const inTile = partOfTile(part, input, this);
    const isEnough = inTile !== null && isSharp(inTile, part, to);
    const whole = isEnough ? null : this.whole.get(id);
    const from = whole ? partOfImage(part, input, whole) : inTile;
    if (from === null) return 'missing';
    context.imageSmoothingEnabled = to.width < from.width;
    context.drawImage(
      whole ?? this.#pages[slot.page],
      from.x + (whole ? 0 : slot.x),
      from.y + (whole ? 0 : slot.y),
      from.width,
      from.height,
      to.x,
      to.y,
      to.width,
      to.height,
    );
    return isEnough || whole ? 'drawn' : 'coarse';
  }

  /** The address of one image for an `<img>` or a link. */
  address(id: number, scale = 1): string {
    const corpus = this.#present();
    return imageUrl(corpus?.id ?? '', corpus?.identity ?? '', id, scale);
  }

  #send(): void {
    const ids = this.#queue;
    this.#queue = [];
    for (let i = 0; i < ids.length; i += BATCH) void this.#fetch(ids.slice(i, i + BATCH));
  }

  async #fetch(ids: number[]): Promise<void> {
    const corpus = this.#corpus;
    if (!corpus) return;
    begin();
    try {
      const columns = Math.min(ids.length, 16);
      const response = await request(atlasUrl(corpus.id, corpus.identity, ids, columns));
      const bitmap = await createImageBitmap(await response.blob());
      if (this.#corpus?.identity !== corpus.identity) return;
      this.width = Math.floor(bitmap.width / columns);
      this.height = Math.floor(bitmap.height / Math.ceil(ids.length / columns));
      ids.forEach((id, i) =>
        this.#put(id, bitmap, (i % columns) * this.width, Math.floor(i / columns) * this.height),
      );
      bitmap.close();
      if (!this.#hasFailed) this.#autoRetry.done();
      this.version += 1;
    } catch (error) {
      this.#hasFailed = true;
      // A scheduled retry does not change `version`: views would request the images at once.
      if (this.#autoRetry.failed(error)) return;
      for (const id of ids) this.#failed.set(id, (this.#failed.get(id) ?? 0) + 1);
      this.version += 1;
    } finally {
      for (const id of ids) this.#inFlight.delete(id);
      end();
    }
  }

  #put(id: number, from: ImageBitmap, x: number, y: number): void {
    if (this.#slots.has(id)) return;
    const slot = this.#freeSlot();
    const context = this.#pages[slot.page].getContext('2d');
    context?.clearRect(slot.x, slot.y, this.width, this.height);
    context?.drawImage(from, x, y, this.width, this.height, slot.x, slot.y, this.width, this.height);
    this.#slots.set(id, slot);
  }

  /** A free slot: on a new page below the limit, else the slot of the least recently used image. */
  #freeSlot(): Slot {
    const free = this.#free.pop();
    if (free) return free;
    const [columns, rows] = [
      Math.max(1, Math.floor(PAGE_PX / this.width)),
      Math.max(1, Math.floor(PAGE_PX / this.height)),
    ];
    const [width, height] = [columns * this.width, rows * this.height];
    if (this.#pages.length * width * height * 4 < MAX_BYTES) {
      const canvas = document.createElement('canvas');
      canvas.width = width;
      canvas.height = height;
      const page = this.#pages.push(canvas) - 1;
      for (let i = rows * columns - 1; i >= 0; i -= 1) {
        this.#free.push({ page, x: (i % columns) * this.width, y: Math.floor(i / columns) * this.height });
      }
      return this.#free.pop() as Slot;
    }
    const [oldest, slot] = this.#slots.entries().next().value as [number, Slot];
    this.#slots.delete(oldest);
    return slot;
  }
}
