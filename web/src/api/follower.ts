/**
 * Follows one run (or the list of runs) for all tabs that show it: by its event stream, or by polling for changes. A
 * stream that ends and a request that fails are repeated with exponential backoff.
 */
import { readEvents } from './sse';

/**
 * `up`: the server answers. `gone`: it does not. `token`: it asks for one. `starting`: something answers in its place that
 * it is not ready. `missing`: it has no such run. `asking`: not known yet.
 */
export type Status = 'asking' | 'up' | 'gone' | 'token' | 'starting' | 'missing';

export interface FollowOptions {
  /** The address that is polled; its events are at `<url>/events`. */
  url: string;
  status: (status: Status) => void;
  event: (name: string, data: string) => void;
}

const FIRST_WAIT_MS = 100;
const SECOND_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
/** Polling interval of a run that does not grow. */
export const POLL_MS = 5000;
/** The server sends something every 15 s: a stream that is silent for so long has lost its connection. */
const SILENCE_MS = 40_000;
/** A stream that ended sooner counts as a failure: a server that ends every stream at once is not flooded. */
const STEADY_MS = 2000;
/** Many requests fail at once when a server stops: they cause one check. */
const CHECK_INTERVAL_MS = 1000;

/** Backoff before the next attempt after `failures` in a row; random, so that not all clients reconnect at once. */
export function retryWait_ms(failures: number, random = Math.random()): number {
  if (failures === 0) return FIRST_WAIT_MS;
  return Math.min(LONGEST_WAIT_MS, SECOND_WAIT_MS * 1.7 ** (failures - 1)) * (0.8 + 0.4 * random);
}

/** Status of the server by the code of its answer. */
export function statusFromCode(code: number): Status {
  if (code === 401) return 'token';
  if (code === 404) return 'missing';
  return code === 502 || code === 503 || code === 504 ? 'starting' : 'up';
}

export class Follower {
  status: Status = 'asking';
  readonly #options: FollowOptions;
  #streams = false;
  #stopped = false;
  #failures = 0;
  #tag: string | null = null;
  #started_ms = 0;
  #attempt: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FollowOptions) {
    this.#options = options;
  }

  /** True while it may hold an event stream open. */
  get streams(): boolean {
    return this.#streams;
  }

  /** Starts, or switches between stream and polling. */
  start(streams: boolean): void {
    if (streams === this.#streams && (this.#attempt || this.#timer !== undefined)) return;
    this.#streams = streams;
    this.#next(0);
  }

  /** Checks now instead of waiting for the next try; an open stream and a check just begun are left alone. */
  checkNow(): void {
    const isOpen = this.#streams && this.status === 'up';
    if (
      this.#stopped ||
      (this.#attempt && (isOpen || performance.now() - this.#started_ms < CHECK_INTERVAL_MS))
    )
      return;
    this.#failures = Math.min(this.#failures, 1);
    this.#next(0);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#attempt?.abort();
  }

  #next(wait_ms: number): void {
    clearTimeout(this.#timer);
    this.#attempt?.abort();
    this.#attempt = null;
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#check();
    }, wait_ms);
  }

  async #check(): Promise<void> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#started_ms = performance.now();
    let silence: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => attempt.abort(new Error('silent')), SILENCE_MS);
    };
    alive();
    let answered: Status = 'gone';
    try {
      answered = this.#streams
        ? await this.#readStream(attempt.signal, alive)
        : await this.#poll(attempt.signal);
    } catch {
      // No answer, or a stream that broke off: both are tried again.
    } finally {
      clearTimeout(silence);
    }
    // Another attempt was started meanwhile.
    if (this.#attempt !== attempt || this.#stopped) return;
    this.#setStatus(answered);
    const isPolled = answered === 'up' && !this.#streams;
    this.#failures = isPolled || performance.now() - this.#started_ms > STEADY_MS ? 0 : this.#failures + 1;
    this.#next(isPolled ? POLL_MS : retryWait_ms(this.#failures));
  }

  /** Resolves when the stream ends. Its end is not a failure yet: the next attempt shows whether the server answers. */
  async #readStream(signal: AbortSignal, alive: () => void): Promise<Status> {
    const headers = { accept: 'text/event-stream' };
    const response = await fetch(`${this.#options.url}/events`, { signal, headers, cache: 'no-store' });
    if (!response.ok || !response.body) return this.#statusFromResponse(response);
    this.#setStatus('up');
    // A stream that breaks off is treated like one that ends.
    await readEvents(response.body, ({ name, data }) => this.#options.event(name, data), alive).catch(
      () => undefined,
    );
    return 'up';
  }

  async #poll(signal: AbortSignal): Promise<Status> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (this.#tag !== null) headers['if-none-match'] = this.#tag;
    const response = await fetch(this.#options.url, { signal, headers, cache: 'no-store' });
    if (response.status !== 304 && !response.ok) return this.#statusFromResponse(response);
    const tag = response.headers.get('etag');
    void response.body?.cancel();
    if (response.status !== 304 && this.#tag !== null && tag !== this.#tag)
      this.#options.event('changed', '{}');
    if (response.status !== 304) this.#tag = tag;
    return 'up';
  }

  #statusFromResponse(response: Response): Status {
    void response.body?.cancel();
    return statusFromCode(response.status);
  }

  #setStatus(status: Status): void {
    if (status === this.status) return;
    this.status = status;
    this.#options.status(status);
  }
}
