/**
 * Follows runs for every tab of a browser, so that all of them together hold one connection at most: the run that was
 * looked at last and grows has an event stream, everything else is asked from time to time. Hidden tabs follow nothing.
 */
import { Follower, type Status } from './follower';

export type ToBroker =
  /** What the tab looks at, said anew when it changes and from time to time as a sign of life. */
  | { kind: 'follow'; url: string; grows: boolean }
  /** The tab is hidden or goes away. */
  | { kind: 'rest' }
  /** Something was not answered: ask now how the server is. */
  | { kind: 'ask' };

export type FromBroker = { kind: 'status'; status: Status } | { kind: 'event'; name: string; data: string };

export interface Member {
  send: (message: FromBroker) => void;
  url: string | null;
  grows: boolean;
  /** Grows with every wish: the newest has the stream. */
  order: number;
  heard_ms: number;
}

/** A tab that is left for another one leaves the stream open until that one has said what it looks at. */
const GRACE_MS = 1500;
/** A tab that broke down says no farewell. Those that live speak up three times as often. */
export const SIGN_OF_LIFE_MS = 20_000;
const LOST_MS = 3 * SIGN_OF_LIFE_MS;

export class Broker {
  readonly #members = new Set<Member>();
  readonly #followers = new Map<string, Follower>();
  #order = 0;
  #grace: ReturnType<typeof setTimeout> | undefined;
  #sweep: ReturnType<typeof setInterval> | undefined;

  join(send: Member['send']): Member {
    const member: Member = { send, url: null, grows: false, order: 0, heard_ms: performance.now() };
    this.#members.add(member);
    return member;
  }

  hear(member: Member, message: ToBroker): void {
    // One that was given up because it was silent (a computer that slept) is back.
    const isBack = !this.#members.has(member);
    this.#members.add(member);
    member.heard_ms = performance.now();
    if (message.kind === 'ask') this.#followers.get(member.url ?? '')?.ask();
    else if (message.kind === 'rest') this.#rest(member);
    else if (isBack || member.url !== message.url || member.grows !== message.grows)
      this.#wish(member, message);
  }

  /** Connections that may be held open now: one or none. */
  get streams(): number {
    return [...this.#followers.values()].filter((follower) => follower.streams).length;
  }

  #wish(member: Member, { url, grows }: { url: string; grows: boolean }): void {
    Object.assign(member, { url, grows, order: (this.#order += 1) });
    this.#sweep ??= setInterval(() => this.#giveUpLost(), SIGN_OF_LIFE_MS);
    this.#arrange();
    const known = this.#followers.get(url)?.status;
    if (known && known !== 'asking') member.send({ kind: 'status', status: known });
  }

  #rest(member: Member): void {
    member.url = null;
    clearTimeout(this.#grace);
    this.#grace = setTimeout(() => this.#arrange(), GRACE_MS);
  }

  #giveUpLost(): void {
    const now = performance.now();
    for (const member of this.#members) if (now - member.heard_ms > LOST_MS) this.#members.delete(member);
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
      clearInterval(this.#sweep);
      this.#sweep = undefined;
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
