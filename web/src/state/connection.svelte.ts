/**
 * How the server is, and what waits for it. There is one for the page: whatever was not answered while the server was away
 * says so here (`Comeback`), and is asked again by itself when it is back.
 */
import { ApiError, Unreachable } from '../api/client';
import { Events, type Listener, type Status } from '../api/events';

/** What is done with events, and before everything that failed is asked again. */
export interface Hearer {
  event: Listener['event'];
  /** The tab is looked at again. */
  shown: () => void;
  /** The server is back: what all others stand on is read first. */
  back: () => Promise<void>;
}

const AWAY: Partial<Record<Status, string>> = {
  gone: 'the server does not answer',
  token: 'a token is needed',
  starting: 'the server is not ready yet',
  missing: 'the server has no such run',
};

export class Connection {
  status = $state<Status>('asking');
  /** The server has the run but is still reading its images. */
  readsImages = $state(false);
  /** Why nothing is to be had now; null while the server answers. */
  readonly away = $derived<string | null>(AWAY[this.status] ?? null);
  /** In a few words what is waited for; null for nothing. */
  readonly waitsFor = $derived<string | null>(
    this.away ?? (this.readsImages ? 'the server is reading the images' : null),
  );
  #events: Events | null = null;
  #hearer: Hearer | null = null;
  readonly #waiting = new Set<() => void>();

  listen(hearer: Hearer): void {
    this.#hearer = hearer;
  }

  /** Follows this address from now on; its events come as a stream where it grows. */
  follow(url: string, grows: boolean): void {
    this.#events ??= new Events({
      event: (name, data) => this.#hearer?.event(name, data),
      shown: () => this.#hearer?.shown(),
      status: (status) => this.told(status),
    });
    this.#events.follow(url, grows);
  }

  /** Something was not answered: how the server is, is asked at once. */
  doubt(): void {
    this.#events?.ask();
  }

  told(status: Status): void {
    const [before, wasAway] = [this.status, this.away !== null];
    this.status = status;
    // What happened before this tab was heard of is not told it.
    if (before === 'asking' && status === 'up') this.#hearer?.shown();
    // A server with other runs tells which.
    if (status === 'missing' && before !== status) void this.#hearer?.back().catch(() => undefined);
    if (status !== 'up' || !wasAway) return;
    const back = this.#hearer?.back() ?? Promise.resolve();
    void back.catch(() => undefined).then(() => this.again());
  }

  /** Everything that failed is asked again: the server is back, or what it lacked is there. */
  again(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const act of waiting) act();
  }

  /** Calls once when the server is back; until the returned function is called. */
  wait(act: () => void): () => void {
    this.#waiting.add(act);
    return () => this.#waiting.delete(act);
  }
}

export const connection = new Connection();

/** True for a failure that passes by itself: no answer, or one that says to ask again. */
export function passes(error: unknown): boolean {
  return (
    error instanceof Unreachable ||
    (error instanceof ApiError && [401, 429, 502, 503, 504].includes(error.status))
  );
}

/** True for a question that only lacks images or statistics, which may still be on their way. */
const isEarly = (error: unknown): boolean => error instanceof ApiError && error.status === 409;

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/**
 * What is done about one thing that failed: it is asked again when the server is back, whatever the failure was; and after
 * a while, ever longer, where the failure passes though the server is there.
 */
export class Comeback {
  readonly #act: () => void;
  readonly #connection: Connection;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #forget: (() => void) | null = null;

  constructor(act: () => void, to: Connection = connection) {
    this.#act = act;
    this.#connection = to;
  }

  /**
   * It failed. True where it passes by itself: there is nothing to say of it but that it is waited for. With something to
   * show meanwhile that also holds for what lacks images or statistics, which may be on their way.
   */
  failed(error: unknown, hasOlder = false): boolean {
    this.#stop();
    this.#failures += 1;
    this.#forget = this.#connection.wait(() => this.#fire());
    if (!passes(error)) return hasOlder && isEarly(error);
    this.#connection.doubt();
    const wait_ms = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#failures - 1));
    if (this.#connection.away === null) this.#timer = setTimeout(() => this.#due(), wait_ms);
    return true;
  }

  /** It is here, or no longer wanted. */
  done(): void {
    this.#failures = 0;
    this.#stop();
  }

  /** By now it may be known that the server is away: then its return is waited for. */
  #due(): void {
    if (this.#connection.away === null) this.#fire();
  }

  #fire(): void {
    this.#stop();
    this.#act();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#forget?.();
    this.#forget = null;
  }
}
