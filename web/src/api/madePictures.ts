/**
 * Pictures that the server makes of a network (feature visualisations, inversions): one PNG with all of them side by side, which
 * of them is what in its header. Making one takes seconds, so requests for the same pictures share one that is in flight,
 * which ends when the last of them has gone.
 */
import { trackPending } from '../base/idle';
import { request } from './client';
import type { PictureInfo } from './types';

export interface MadePictures {
  /** All of them from left to right. */
  readonly bitmap: ImageBitmap;
  /** Pixels of each. */
  readonly width: number;
  readonly height: number;
  readonly pictures: readonly PictureInfo[];
}

interface InFlight {
  promise: Promise<MadePictures>;
  abort: AbortController;
  waiting: number;
}

/** Milliseconds before a request without consumers is aborted: another component may request the same a moment later. */
const GRACE_MS = 50;
/** Number of cached answers. */
const MAX_CACHED = 400;

export type MadeLoader = (url: string, signal: AbortSignal) => Promise<MadePictures>;

async function fetchMade(url: string, signal: AbortSignal): Promise<MadePictures> {
  const response = await request(url, { signal });
  const described = JSON.parse(response.headers.get('x-deepviz-pictures') ?? '{}') as Partial<MadePictures>;
  const bitmap = await trackPending(response.blob().then((blob) => createImageBitmap(blob)));
  const pictures = described.pictures ?? [];
  const { width = bitmap.width / Math.max(1, pictures.length), height = bitmap.height } = described;
  return { bitmap, width, height, pictures };
}

/** A request for pictures; `version` is a hash of what they depend on: answers of the same address may differ. */
export interface MadeAddress {
  url: string;
  version: string;
}

export class MadeCache {
  /** Answers by key, the least recently used first. */
  readonly #cache = new Map<string, MadePictures>();
  readonly #inFlight = new Map<string, InFlight>();
  readonly #load: MadeLoader;

  constructor(loader: MadeLoader = fetchMade) {
    this.#load = loader;
  }

  peek({ url, version }: MadeAddress): MadePictures | undefined {
    const key = `${version} ${url}`;
    const found = this.#cache.get(key);
    if (found) {
      this.#cache.delete(key);
      this.#cache.set(key, found);
    }
    return found;
  }

  load(address: MadeAddress, signal: AbortSignal): Promise<MadePictures> {
    const found = this.peek(address);
    if (found) return Promise.resolve(found);
    const key = `${address.version} ${address.url}`;
    const job = this.#inFlight.get(key) ?? this.#start(key, address.url);
    job.waiting += 1;
    signal.addEventListener('abort', () => {
      job.waiting -= 1;
      if (job.waiting === 0) setTimeout(() => job.waiting === 0 && job.abort.abort(), GRACE_MS);
    });
    return job.promise;
  }

  #start(key: string, url: string): InFlight {
    const abort = new AbortController();
    const promise = this.#load(url, abort.signal).then(
      (made) => {
        this.#inFlight.delete(key);
        this.#cache.set(key, made);
        if (this.#cache.size > MAX_CACHED) this.#cache.delete(this.#cache.keys().next().value as string);
        return made;
      },
      (error: unknown) => {
        this.#inFlight.delete(key);
        throw error;
      },
    );
    const job = { promise, abort, waiting: 0 };
    this.#inFlight.set(key, job);
    return job;
  }
}

export const madePictures = new MadeCache();
