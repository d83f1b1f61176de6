/**
 * PNG pictures, decoded off-screen and kept.
 *
 * `want` asks for a picture now: the newest wish is served before older ones. `prefetch` asks for pictures that may
 * be wanted soon: they wait until no wish is open. A picture in the cache is handed out at once with `peek`, which is
 * what lets the slider move at a frame per checkpoint. The cache holds a fixed number of bytes; what was used longest
 * ago goes first.
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

/** Many pictures in one: the addresses its parts are kept under, from top to bottom. */
export interface Strip {
  url: string;
  parts: string[];
}

interface Job {
  url: string;
  parts: readonly string[] | null;
  /** Who asked for it ahead; empty where it is wanted now. */
  owner: string;
  urgent: boolean;
  /** Grows with every wish: the newest first. */
  order: number;
  promise: Promise<Picture>;
  settle: (outcome: Promise<Picture>) => void;
}

const CONCURRENT = 4;

export type Load = (url: string) => Promise<Picture>;

async function load(url: string): Promise<Picture> {
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

/** The pictures of a strip, one for each checkpoint, as if each had been asked for alone. */
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
      sheet: { ...sheet, checkpoint: bands[n], minimum, maximum, limit: sheet.limits?.[n] ?? sheet.limit },
    };
  });
}

export class Pictures {
  #inStrip = new Map<string, Job>();
  #kept = new Map<string, Picture>();
  #waiting = new Map<string, Job>();
  #running = new Map<string, Job>();
  #bytes = 0;
  #order = 0;
  readonly #limit: number;
  readonly #load: Load;
  readonly #split: (strip: Picture) => Promise<Picture[]>;

  constructor(limitBytes = 256 * 1024 * 1024, loader: Load = load, splitter = split) {
    this.#limit = limitBytes;
    this.#load = loader;
    this.#split = splitter;
  }

  /** The picture if it is decoded already. */
  peek(url: string): Picture | undefined {
    const picture = this.#kept.get(url);
    if (picture) {
      this.#kept.delete(url);
      this.#kept.set(url, picture);
    }
    return picture;
  }

  /** The picture, as soon as it can be had. The same wish twice is one request. */
  want(url: string): Promise<Picture> {
    const kept = this.peek(url);
    if (kept) return Promise.resolve(kept);
    // A strip that holds it is on its way already: that is sooner than a request of its own.
    const strip = this.#inStrip.get(url);
    if (!strip || !this.#running.has(strip.url)) return this.#enqueue(url, true);
    const alone = () => this.peek(url) ?? this.#enqueue(url, true);
    return strip.promise.then(alone, alone);
  }

  /** Pictures that may be wanted next, the likeliest first. Replaces what the same owner asked for and was not begun. */
  prefetch(urls: string[], owner = ''): void {
    this.#dropOf(owner);
    for (const url of [...urls].reverse()) {
      if (!this.#kept.has(url)) this.#enqueue(url, false, null, owner).catch(() => undefined);
    }
  }

  /** The same with many pictures to a request. What is kept already is not asked for. */
  prefetchStrips(strips: Strip[], owner = ''): void {
    this.#dropOf(owner);
    for (const { url, parts } of [...strips].reverse()) {
      if (parts.every((part) => this.#kept.has(part))) continue;
      this.#enqueue(url, false, parts, owner).catch(() => undefined);
    }
  }

  get bytes(): number {
    return this.#bytes;
  }

  clear(): void {
    this.#kept.clear();
    this.#bytes = 0;
  }

  #dropOf(owner: string): void {
    for (const [url, job] of this.#waiting) if (!job.urgent && job.owner === owner) this.#drop(url, job);
  }

  #forgetStrip(job: Job): void {
    for (const part of job.parts ?? []) if (this.#inStrip.get(part) === job) this.#inStrip.delete(part);
  }

  #drop(url: string, job: Job): void {
    this.#waiting.delete(url);
    this.#forgetStrip(job);
    job.settle(Promise.reject(new DOMException('no longer wanted', 'AbortError')));
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
    // Begin in a microtask: several wishes of one frame are ordered first.
    queueMicrotask(() => this.#begin());
    return promise;
  }

  #begin(): void {
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
          job.parts.forEach((part, n) => this.#kept.has(part) || this.#keep(part, pictures[n]));
      } else this.#keep(job.url, picture);
      job.settle(Promise.resolve(picture));
    } catch (error) {
      job.settle(Promise.reject(error));
    } finally {
      this.#running.delete(job.url);
      this.#forgetStrip(job);
      end();
      this.#begin();
    }
  }

  #keep(url: string, picture: Picture): void {
    this.#kept.set(url, picture);
    this.#bytes += picture.width * picture.height * 4;
    // Not closed by hand: a view may still be showing it; its memory goes when the last holder lets go.
    for (const [oldest, old] of this.#kept) {
      if (this.#bytes <= this.#limit || oldest === url) break;
      this.#kept.delete(oldest);
      this.#bytes -= old.width * old.height * 4;
    }
  }
}

export const pictures = new Pictures();
