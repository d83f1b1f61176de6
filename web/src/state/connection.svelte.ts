/**
 * The connection to the server, one for the page, and what waits for it: a request that failed while the server was away
 * registers here (`AutoRetry`) and is repeated when the server is back.
 */
import { ApiError, Unreachable } from '../api/client';
import { EventClient, type EventListeners, type Status } from '../api/events';

/** Callbacks of the page's one listener. */
export interface ConnectionHandlers {
  onEvent: EventListeners['onEvent'];
  /** The tab is visible again. */
  onVisible: () => void;
  /** The server is back: called before failed requests are repeated, for the data that all others depend on. */
  onReconnect: () => Promise<void>;
}

const AWAY: Partial<Record<Status, string>> = {
  gone: 'server unreachable',
  token: 'a token is needed',
  starting: 'the server is not ready yet',
  missing: 'the server has no such run',
};

export class Connection {
  status = $state<Status>('asking');
  /** The server has the run but is still reading its images. */
  readsImages = $state(false);
  /** Why the server cannot be used now; null while it answers. */
  readonly away = $derived<string | null>(AWAY[this.status] ?? null);
  /** The reason why the page waits, in a few words; null for none. */
  readonly waitsFor = $derived<string | null>(
    this.away ?? (this.readsImages ? 'the server is reading the images' : null),
  );
  #events: EventClient | null = null;
  #handlers: ConnectionHandlers | null = null;
  readonly #waiting = new Set<() => void>();

  listen(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
  }

  /** Follows this address from now on; its events come as a stream where it grows. */
  follow(url: string, grows: boolean): void {
    this.#events ??= new EventClient({
      onEvent: (name, data) => this.#handlers?.onEvent(name, data),
      onVisible: () => this.#handlers?.onVisible(),
      onStatus: (status) => this.setStatus(status),
    });
    this.#events.follow(url, grows);
  }

  /** Checks the server's status at once, after a request that was not answered. */
  check(): void {
    this.#events?.checkServer();
  }

  setStatus(status: Status): void {
    const [before, wasAway] = [this.status, this.away !== null];
    this.status = status;
    // Events from before the first connection were not received.
    if (before === 'asking' && status === 'up') this.#handlers?.onVisible();
    // The server may have other runs now.
    if (status === 'missing' && before !== status) void this.#handlers?.onReconnect().catch(() => undefined);
    if (status !== 'up' || !wasAway) return;
    const reconnected = this.#handlers?.onReconnect() ?? Promise.resolve();
    void reconnected.catch(() => undefined).then(() => this.retryAll());
  }

  /** Repeats everything that failed: the server is back, or has what it lacked. */
  retryAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const act of waiting) act();
  }

  /** Calls `act` once at the next reconnection; the returned function cancels that. */
  onRetry(act: () => void): () => void {
    this.#waiting.add(act);
    return () => this.#waiting.delete(act);
  }
}

export const connection = new Connection();

/** True for a failure that passes by itself: no answer, or one that asks to try again. */
export function isTransient(error: unknown): boolean {
  return (
    error instanceof Unreachable ||
    (error instanceof ApiError && [401, 429, 502, 503, 504].includes(error.status))
  );
}

/** True for a request that lacks images or statistics, which may still be computed. */
const isNotReady = (error: unknown): boolean => error instanceof ApiError && error.status === 409;

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

/**
 * Repeats one failed request: when the server is back, whatever the failure was; and with exponential backoff where the
 * failure is transient although the server answers.
 */
export class AutoRetry {
  readonly #act: () => void;
  readonly #connection: Connection;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #unregister: (() => void) | null = null;

  constructor(act: () => void, to: Connection = connection) {
    this.#act = act;
    this.#connection = to;
  }

  /**
   * Schedules a retry. True where the failure is transient, so that the view shows a pending state instead of an error.
   * `hasOlder`: an older answer is shown meanwhile; then missing images or statistics count as transient, too.
   */
  failed(error: unknown, hasOlder = false): boolean {
    this.#stop();
    this.#failures += 1;
    this.#unregister = this.#connection.onRetry(() => this.#fire());
    if (!isTransient(error)) return hasOlder && isNotReady(error);
    this.#connection.check();
    const wait_ms = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#failures - 1));
    if (this.#connection.away === null) this.#timer = setTimeout(() => this.#onTimer(), wait_ms);
    return true;
  }

  /** The request succeeded, or is no longer needed: cancels the retry. */
  done(): void {
    this.#failures = 0;
    this.#stop();
  }

  /** The server may be known to be away by now: then the retry waits for its return. */
  #onTimer(): void {
    if (this.#connection.away === null) this.#fire();
  }

  #fire(): void {
    this.#stop();
    this.#act();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unregister?.();
    this.#unregister = null;
  }
}
