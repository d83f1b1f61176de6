/**
 * The run's live events, and the status of the server. All tabs of a browser share one shared worker that listens for them
 * (`broker.ts`): a browser keeps six connections to a server at most, and a stream for each tab soon leaves none for
 * anything else. A shared worker, and not a leader among the tabs chosen by a lock: the worker outlives the tab that is closed,
 * so that no event is lost, and the Web Locks API does not exist on plain http from another machine. Where there is no
 * shared worker (some phones) each tab follows the run itself, while it is visible.
 */
import { Broker, HEARTBEAT_MS, type FromBroker, type ToBroker } from './broker';
import type { Status } from './follower';

export type { Status };

export interface RunEvents {
  checkpoint: { index: number; step: number };
  statistics: { checkpoint: number; split: string };
  metrics: { step: number };
  state: { live: boolean };
  /** Another run appeared. */
  run: { id: string };
  /** Events were missed: read everything again. */
  reload: Record<string, never>;
  /** A run that is polled has changed. */
  changed: Record<string, never>;
}

export interface EventListeners {
  onEvent: <K extends keyof RunEvents>(name: K, data: RunEvents[K]) => void;
  onStatus: (status: Status) => void;
  /** The tab is visible again: events of the meantime were not received. */
  onVisible: () => void;
}

type Send = (message: ToBroker) => void;

function connectInThisTab(receive: (message: FromBroker) => void): Send {
  const broker = new Broker();
  const member = broker.join(receive);
  return (message) => broker.receive(member, message);
}

/** Connects to the broker that all tabs share; to one of this tab's own where there is no shared worker. */
function connect(receive: (message: FromBroker) => void, onReconnect: () => void): Send {
  if (typeof SharedWorker === 'undefined') return connectInThisTab(receive);
  const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'deepviz' });
  let send: Send = (message) => worker.port.postMessage(message);
  worker.port.onmessage = ({ data }) => receive(data as FromBroker);
  worker.onerror = () => {
    // The worker's code could not be loaded.
    send = connectInThisTab(receive);
    onReconnect();
  };
  return (message) => send(message);
}

export class EventClient {
  readonly #listeners: EventListeners;
  readonly #send: Send;
  #followed: { url: string; grows: boolean } | null = null;

  constructor(listeners: EventListeners) {
    this.#listeners = listeners;
    this.#send = connect(
      (message) => {
        if (message.kind === 'status') listeners.onStatus(message.status);
        else listeners.onEvent(message.name as keyof RunEvents, JSON.parse(message.data) as never);
      },
      () => this.#sendFollow(),
    );
    document.addEventListener('visibilitychange', () => this.#onVisibilityChange());
    addEventListener('pageshow', (event) => event.persisted && this.#onVisibilityChange());
    addEventListener('pagehide', () => this.#send({ kind: 'hide' }));
    addEventListener('online', () => this.checkServer());
    setInterval(() => this.#sendFollow(), HEARTBEAT_MS);
  }

  /** Follows this address from now on, as a stream where the run grows. */
  follow(url: string, grows: boolean): void {
    this.#followed = { url, grows };
    this.#sendFollow();
  }

  /** Checks the server's status at once, after a request that was not answered. */
  checkServer(): void {
    this.#sendFollow();
    this.#send({ kind: 'check' });
  }

  #sendFollow(): void {
    if (this.#followed && document.visibilityState === 'visible')
      this.#send({ kind: 'follow', ...this.#followed });
  }

  #onVisibilityChange(): void {
    if (document.visibilityState !== 'visible') return this.#send({ kind: 'hide' });
    this.checkServer();
    this.#listeners.onVisible();
  }
}
