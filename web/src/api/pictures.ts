/**
 * Cache of PNG pictures, decoded off-screen.
 *
 * `load` requests a picture now: the latest request is served before older ones. `prefetch` requests pictures that may
 * be needed soon: they wait until no other request is open. `peek` hands out a cached picture at once, which lets the
 * slider move at a frame per checkpoint. The cache holds a fixed number of bytes; the least recently used go first.
 */
import { begin, end } from '../base/idle';
import { request } from './client';
import type { SheetGeometry } from './types';

export interface Picture {
  readonly bitmap: ImageBitmap;
  readonly width: number;
  readonly height: number;
  /** From the header `x-deepviz-sheet`; null for plain pictures. */
  readonly sheet: SheetGeometry | null;
}

/** Many pictures in one: the addresses under which its parts are cached, from top to bottom. */
export interface Strip {
  url: string;
  parts: string[];
}

interface Job {
  url: string;
  parts: readonly string[] | null;
  /** The caller that prefetches it; empty where it is needed now. */
  owner: string;
  urgent: boolean;
  /** Grows with every request: the latest first. */
  order: number;
  promise: Promise<Picture>;
  settle: (outcome: Promise<Picture>) => void;
}

const CONCURRENT = 4;

export type PictureLoader = (url: string) => Promise<Picture>;

async function fetchPicture(url: string): Promise<Picture> {
  const response = await request(url);
  const header = response.headers.get('x-deepviz-sheet');
  const bitmap = await createImageBitmap(await response.blob(), {
    premultiplyAlpha: 'none',
    colorSpaceConversion: 'none',
  });
  return {
    bitmap,
    width: bitmap.width,
    height: bitmap.height,
    sheet: header ? (JSON.parse(header) as SheetGeometry) : null,
  };
}

/** The pictures of a strip, one for each checkpoint, as if each had been requested alone. */
async function split(strip: Picture): Promise<Picture[]> {
  const { sheet, bitmap } = strip;
  const bands = sheet?.checkpoints ?? [];
  if (!sheet || !bands.length) return [];
  const height = strip.height / bands.length;
  const bitmaps = await Promise.all(
    bands.map((_, n) => createImageBitmap(bitmap, 0, n * height, strip.width, height)),
  );
  bitmap.close();
  return bitmaps.map((part, n) => {
    const [minimum, maximum] = sheet.ranges?.[n] ?? [sheet.minimum, sheet.maximum];
    return {
      bitmap: part,
      width: part.width,
      height: part.height,
      sheet: {
        ...sheet,
        checkpoint: bands[n],
        minimum,
        maximum,
        limit: sheet.limits?.[n] ?? sheet.limit,
        ends: sheet.checkpoint_ends?.[n] ?? sheet.ends,
      },
    };
  });
}

export class Pictures {
  #inStrip = new Map<string, Job>();
  #cache = new Map<string, Picture>();
  #waiting = new Map<string, Job>();
  #running = new Map<string, Job>();
  #bytes = 0;
  #order = 0;
  readonly #limit: number;
  readonly #load: PictureLoader;
  readonly #split: (strip: Picture) => Promise<Picture[]>;

  constructor(limitBytes = 256 * 1024 * 1024, loader: PictureLoader = fetchPicture, splitter = split) {
    this.#limit = limitBytes;
    this.#load = loader;
    this.#split = splitter;
  }

  /** The picture if it is in the cache. */
  peek(url: string): Picture | undefined {
    const picture = this.#cache.get(url);
    if (picture) {
      this.#cache.delete(url);
      this.#cache.set(url, picture);
    }
    return picture;
  }

  /** Loads a picture; a picture that is already being loaded is not requested twice. */
  load(url: string): Promise<Picture> {
    const cached = this.peek(url);
    if (cached) return Promise.resolve(cached);
    // A strip in flight that holds it arrives sooner than a request of its own.
    const strip = this.#inStrip.get(url);
    if (!strip || !this.#running.has(strip.url)) return this.#enqueue(url, true);
    const alone = () => this.peek(url) ?? this.#enqueue(url, true);
    return strip.promise.then(alone, alone);
  }

  /** Loads pictures that may be needed next, the likeliest first. Replaces the same owner's requests not yet started. */
  prefetch(urls: string[], owner = ''): void {
    this.#dropPrefetches(owner);
    for (const url of [...urls].reverse()) {
      if (!this.#cache.has(url)) this.#enqueue(url, false, null, owner).catch(() => undefined);
    }
  }

  /** Prefetches with many pictures per request. Strips whose parts are all cached are not requested. */
  prefetchStrips(strips: Strip[], owner = ''): void {
    this.#dropPrefetches(owner);
    for (const { url, parts } of [...strips].reverse()) {
      if (parts.every((part) => this.#cache.has(part))) continue;
      this.#enqueue(url, false, parts, owner).catch(() => undefined);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  clear(): void {
    this.#cache.clear();
    this.#bytes = 0;
  }

  #dropPrefetches(owner: string): void {
    for (const [url, job] of this.#waiting) if (!job.urgent && job.owner === owner) this.#drop(url, job);
  }

  #untrackStrip(job: Job): void {
    for (const part of job.parts ?? []) if (this.#inStrip.get(part) === job) this.#inStrip.delete(part);
  }

  #drop(url: string, job: Job): void {
    this.#waiting.delete(url);
    this.#untrackStrip(job);
    job.settle(Promise.reject(new DOMException('no longer needed', 'AbortError')));
  }

  #enqueue(url: string, urgent: boolean, parts: readonly string[] | null = null, owner = ''): Promise<Picture> {
    const known = this.#running.get(url) ?? this.#waiting.get(url);
    if (known) {
      known.urgent ||= urgent;
      known.order = this.#order += 1;
      return known.promise;
    }
    let settle: Job['settle'] = () => undefined;
    const promise = new Promise<Picture>((resolve) => (settle = resolve));
    const job = { url, parts, owner, urgent, order: (this.#order += 1), promise, settle };
    this.#waiting.set(url, job);
    for (const part of parts ?? []) this.#inStrip.set(part, job);
    // Start in a microtask: several requests of one frame are ordered first.
    queueMicrotask(() => this.#startNext());
    return promise;
  }

  #startNext(): void {
    while (this.#running.size < CONCURRENT && this.#waiting.size > 0) {
      const [next] = [...this.#waiting.values()].sort(
        (a, b) => Number(b.urgent) - Number(a.urgent) || b.order - a.order,
      );
      this.#waiting.delete(next.url);
      this.#running.set(next.url, next);
      void this.#run(next);
    }
  }

  async #run(job: Job): Promise<void> {
    begin();
    try {
      const picture = await this.#load(job.url);
      if (job.parts) {
        const pictures = await this.#split(picture);
        if (pictures.length === job.parts.length)
          job.parts.forEach((part, n) => this.#cache.has(part) || this.#store(part, pictures[n]));
      } else this.#store(job.url, picture);
      job.settle(Promise.resolve(picture));
    } catch (error) {
      job.settle(Promise.reject(error));
    } finally {
      this.#running.delete(job.url);
      this.#untrackStrip(job);
      end();
      this.#startNext();
    }
  }

  #store(url: string, picture: Picture): void {
    this.#cache.set(url, picture);
    this.#bytes += picture.width * picture.height * 4;
    // Not closed here: a view may still show it; its memory is freed with the last reference.
    for (const [oldest, old] of this.#cache) {
      if (this.#bytes <= this.#limit || oldest === url) break;
      this.#cache.delete(oldest);
      this.#bytes -= old.width * old.height * 4;
    }
  }
}

export const pictures = new Pictures();
