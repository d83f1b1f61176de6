/**
 * Follows runs for every tab of a browser, so that all of them together hold one connection at most: the run that was
 * looked at last and grows has an event stream, everything else is asked from time to time. Hidden tabs follow nothing.
 */
import { Follower, type Status } from './follower';

export type ToBroker =
  /** The run that the tab shows, sent when it changes, and from time to time as a heartbeat. */
  | { kind: 'follow'; url: string; grows: boolean }
  /** The tab is hidden or goes away. */
  | { kind: 'hide' }
  /** A request was not answered: check the server's status now. */
  | { kind: 'check' };

export type FromBroker = { kind: 'status'; status: Status } | { kind: 'event'; name: string; data: string };

export interface Member {
  send: (message: FromBroker) => void;
  url: string | null;
  grows: boolean;
  /** Grows with every message: the tab that spoke last has the stream. */
  order: number;
  last_message_ms: number;
}

/** The time that the stream stays open after its tab was hidden, until the tab shown instead has requested its run. */
const HANDOVER_MS = 1500;
/** Interval of a tab's heartbeat. A tab that crashed sends no message; it is dropped after three missed heartbeats. */
export const HEARTBEAT_MS = 20_000;
const TIMEOUT_MS = 3 * HEARTBEAT_MS;

export class Broker {
  readonly #members = new Set<Member>();
  readonly #followers = new Map<string, Follower>();
  #order = 0;
  #handoverTimer: ReturnType<typeof setTimeout> | undefined;
  #sweepTimer: ReturnType<typeof setInterval> | undefined;

  join(send: Member['send']): Member {
    const member: Member = { send, url: null, grows: false, order: 0, last_message_ms: performance.now() };
    this.#members.add(member);
    return member;
  }

  receive(member: Member, message: ToBroker): void {
    // A tab that was dropped because it was silent (a computer that slept) is back.
    const isBack = !this.#members.has(member);
    this.#members.add(member);
    member.last_message_ms = performance.now();
    if (message.kind === 'check') this.#followers.get(member.url ?? '')?.checkNow();
    else if (message.kind === 'hide') this.#hide(member);
    else if (isBack || member.url !== message.url || member.grows !== message.grows)
      this.#follow(member, message);
  }

  /** Number of event streams that may be open now: one or none. */
  get streams(): number {
    return [...this.#followers.values()].filter((follower) => follower.streams).length;
  }

  #follow(member: Member, { url, grows }: { url: string; grows: boolean }): void {
    Object.assign(member, { url, grows, order: (this.#order += 1) });
    this.#sweepTimer ??= setInterval(() => this.#dropSilent(), HEARTBEAT_MS);
    this.#arrange();
    const known = this.#followers.get(url)?.status;
    if (known && known !== 'asking') member.send({ kind: 'status', status: known });
  }

  #hide(member: Member): void {
    member.url = null;
    clearTimeout(this.#handoverTimer);
    this.#handoverTimer = setTimeout(() => this.#arrange(), HANDOVER_MS);
  }

  #dropSilent(): void {
    const now = performance.now();
    for (const member of this.#members)
      if (now - member.last_message_ms > TIMEOUT_MS) this.#members.delete(member);
    this.#arrange();
  }

  #arrange(): void {
    const wanted = [...this.#members].filter((member) => member.url !== null).sort((a, b) => b.order - a.order);
    const streamed = wanted.find((member) => member.grows)?.url ?? null;
    for (const [url, follower] of this.#followers) {
      if (wanted.some((member) => member.url === url)) continue;
      follower.stop();
      this.#followers.delete(url);
    }
    // The stream that ends comes before the one that begins: there are never two.
    const urls = [...new Set(wanted.map((member) => member.url as string))];
    for (const url of urls.sort((a, b) => Number(a === streamed) - Number(b === streamed)))
      this.#follower(url).start(url === streamed);
    if (!wanted.length) {
      clearInterval(this.#sweepTimer);
      this.#sweepTimer = undefined;
    }
  }

  #follower(url: string): Follower {
    let follower = this.#followers.get(url);
    if (!follower) {
      const tell = (message: FromBroker) => {
        for (const member of this.#members) if (member.url === url) member.send(message);
      };
      follower = new Follower({
        url,
        status: (status) => tell({ kind: 'status', status }),
        event: (name, data) => tell({ kind: 'event', name, data }),
      });
      this.#followers.set(url, follower);
    }
    return follower;
  }
}
