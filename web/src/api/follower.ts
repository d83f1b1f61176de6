/**
 * One run (or the list of runs) that is followed for all tabs that look at it: by its event stream, or by asking from
 * time to time whether it changed. Whatever ends a stream or fails a question, it is asked again, ever less often.
 */
import { readEvents } from './sse';

/**
 * `up`: the server answers. `gone`: it does not. `token`: it asks for one. `starting`: something answers in its place that
 * it is not ready. `missing`: it has no such run. `asking`: not known yet.
 */
export type Status = 'asking' | 'up' | 'gone' | 'token' | 'starting' | 'missing';

export interface Follow {
  /** The address that is asked for changes; its events are at `<url>/events`. */
  url: string;
  status: (status: Status) => void;
  event: (name: string, data: string) => void;
}

const FIRST_WAIT_MS = 100;
const SECOND_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
/** So often a run that does not grow is asked whether it changed. */
export const POLL_MS = 5000;
/** The server sends something every 15 s: a stream that is silent for so long has lost it without a word. */
const SILENCE_MS = 40_000;
/** A stream that ended sooner was no success: a server that ends every one at once is not asked without a pause. */
const STEADY_MS = 2000;
/** Many requests fail at once when a server goes: they are one reason to ask. */
const JUST_NOW_MS = 1000;

/** How long to wait before the next try after so many that failed in a row; never at one time for all who lost it. */
export function retryWait_ms(failures: number, random = Math.random()): number {
  if (failures === 0) return FIRST_WAIT_MS;
  return Math.min(LONGEST_WAIT_MS, SECOND_WAIT_MS * 1.7 ** (failures - 1)) * (0.8 + 0.4 * random);
}

/** What an answer says of the server. */
export function statusOf(code: number): Status {
  if (code === 401) return 'token';
  if (code === 404) return 'missing';
  return code === 502 || code === 503 || code === 504 ? 'starting' : 'up';
}

export class Follower {
  status: Status = 'asking';
  readonly #follow: Follow;
  #streams = false;
  #stopped = false;
  #failures = 0;
  #tag: string | null = null;
  #began_ms = 0;
  #round: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(follow: Follow) {
    this.#follow = follow;
  }

  /** True while it may hold a connection open. */
  get streams(): boolean {
    return this.#streams;
  }

  /** Begins, or goes on in the other way. */
  start(streams: boolean): void {
    if (streams === this.#streams && (this.#round || this.#timer !== undefined)) return;
    this.#streams = streams;
    this.#next(0);
  }

  /** Asks now and does not wait for its time; an open stream, and a question just put, are left alone. */
  ask(): void {
    const isOpen = this.#streams && this.status === 'up';
    if (this.#stopped || (this.#round && (isOpen || performance.now() - this.#began_ms < JUST_NOW_MS))) return;
    this.#failures = Math.min(this.#failures, 1);
    this.#next(0);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#round?.abort();
  }

  #next(wait_ms: number): void {
    clearTimeout(this.#timer);
    this.#round?.abort();
    this.#round = null;
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#ask();
    }, wait_ms);
  }

  async #ask(): Promise<void> {
    const round = new AbortController();
    this.#round = round;
    this.#began_ms = performance.now();
    let silence: ReturnType<typeof setTimeout> | undefined;
    const alive = () => {
      clearTimeout(silence);
      silence = setTimeout(() => round.abort(new Error('silent')), SILENCE_MS);
    };
    alive();
    let answered: Status = 'gone';
    try {
      answered = this.#streams ? await this.#stream(round.signal, alive) : await this.#poll(round.signal);
    } catch {
      // No answer, or a stream that broke off: both are asked again.
    } finally {
      clearTimeout(silence);
    }
    // Another round was begun in its place.
    if (this.#round !== round || this.#stopped) return;
    this.#say(answered);
    const isPolled = answered === 'up' && !this.#streams;
    this.#failures = isPolled || performance.now() - this.#began_ms > STEADY_MS ? 0 : this.#failures + 1;
    this.#next(isPolled ? POLL_MS : retryWait_ms(this.#failures));
  }

  /** Resolves when the stream ends. That it ends is no failure yet: the next try tells whether the server is there. */
  async #stream(signal: AbortSignal, alive: () => void): Promise<Status> {
    const headers = { accept: 'text/event-stream' };
    const response = await fetch(`${this.#follow.url}/events`, { signal, headers, cache: 'no-store' });
    if (!response.ok || !response.body) return this.#refused(response);
    this.#say('up');
    // That it breaks off says no more than that it ends.
    await readEvents(response.body, ({ name, data }) => this.#follow.event(name, data), alive).catch(
      () => undefined,
    );
    return 'up';
  }

  async #poll(signal: AbortSignal): Promise<Status> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (this.#tag !== null) headers['if-none-match'] = this.#tag;
    const response = await fetch(this.#follow.url, { signal, headers, cache: 'no-store' });
    if (response.status !== 304 && !response.ok) return this.#refused(response);
    const tag = response.headers.get('etag');
    void response.body?.cancel();
    if (response.status !== 304 && this.#tag !== null && tag !== this.#tag) this.#follow.event('changed', '{}');
    if (response.status !== 304) this.#tag = tag;
    return 'up';
  }

  #refused(response: Response): Status {
    void response.body?.cancel();
    return statusOf(response.status);
  }

  #say(status: Status): void {
    if (status === this.status) return;
    this.status = status;
    this.#follow.status(status);
  }
}
