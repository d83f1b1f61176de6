/**
 * The run's live events, and how the server is. All tabs of a browser share one shared worker that listens for them
 * (`broker.ts`): a browser keeps six connections to a server at most, and a stream for each tab soon leaves none for
 * anything else. A shared worker, and not a tab that leads the others by a lock: it outlives whatever tab is closed, so
 * that nothing is handed over and no event is lost, and locks are not to be had on plain http from another machine. Where
 * there is no shared worker (some phones) each tab follows for itself, while it is seen.
 */
import { Broker, SIGN_OF_LIFE_MS, type FromBroker, type ToBroker } from './broker';
import type { Status } from './follower';

export type { Status };

export interface RunEvents {
  checkpoint: { index: number; step: number };
  statistics: { checkpoint: number; split: string };
  metrics: { step: number };
  state: { live: boolean };
  /** Another run appeared. */
  run: { id: string };
  /** Something was missed: ask for everything again. */
  reload: Record<string, never>;
  /** A run that is not streamed is not what it was. */
  changed: Record<string, never>;
}

export interface Listener {
  event: <K extends keyof RunEvents>(name: K, data: RunEvents[K]) => void;
  status: (status: Status) => void;
  /** The tab is looked at again: what happened meanwhile was not heard. */
  shown: () => void;
}

type Send = (message: ToBroker) => void;

function inThisTab(receive: (message: FromBroker) => void): Send {
  const broker = new Broker();
  const member = broker.join(receive);
  return (message) => broker.hear(member, message);
}

/** A line to the broker of all tabs; to one of this tab's own where there is no other. */
function connect(receive: (message: FromBroker) => void, again: () => void): Send {
  if (typeof SharedWorker === 'undefined') return inThisTab(receive);
  const worker = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'deepviz' });
  let send: Send = (message) => worker.port.postMessage(message);
  worker.port.onmessage = ({ data }) => receive(data as FromBroker);
  worker.onerror = () => {
    // Its code could not be read.
    send = inThisTab(receive);
    again();
  };
  return (message) => send(message);
}

export class Events {
  readonly #listener: Listener;
  readonly #send: Send;
  #wish: { url: string; grows: boolean } | null = null;

  constructor(listener: Listener) {
    this.#listener = listener;
    this.#send = connect(
      (message) => {
        if (message.kind === 'status') listener.status(message.status);
        else listener.event(message.name as keyof RunEvents, JSON.parse(message.data) as never);
      },
      () => this.#say(),
    );
    document.addEventListener('visibilitychange', () => this.#see());
    addEventListener('pageshow', (event) => event.persisted && this.#see());
    addEventListener('pagehide', () => this.#send({ kind: 'rest' }));
    addEventListener('online', () => this.ask());
    setInterval(() => this.#say(), SIGN_OF_LIFE_MS);
  }

  /** Follows this address from now on, as a stream where it grows. */
  follow(url: string, grows: boolean): void {
    this.#wish = { url, grows };
    this.#say();
  }

  /** Something was not answered: how the server is, is asked at once. */
  ask(): void {
    this.#say();
    this.#send({ kind: 'ask' });
  }

  #say(): void {
    if (this.#wish && document.visibilityState === 'visible') this.#send({ kind: 'follow', ...this.#wish });
  }

  #see(): void {
    if (document.visibilityState !== 'visible') return this.#send({ kind: 'rest' });
    this.ask();
    this.#listener.shown();
  }
}
