import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Broker, type FromBroker } from './broker';
import { POLL_MS, retryWait_ms, statusFromCode } from './follower';

const A = 'http://localhost/api/runs/a';
const B = 'http://localhost/api/runs/b';

/** A fake server with set answers; records its requests and open streams. */
class Fake {
  asked: string[] = [];
  open = new Map<ReadableStreamDefaultController<Uint8Array>, string>();
  maxOpen = 0;
  code: number | null = 200;
  tag = '"1"';

  fetch = (url: string, init: { signal: AbortSignal; headers: Record<string, string> }): Promise<Response> => {
    this.asked.push(url);
    if (this.code === null) return Promise.reject(new TypeError('Failed to fetch'));
    if (this.code !== 200) return Promise.resolve(new Response('{}', { status: this.code }));
    if (!url.endsWith('/events')) {
      if (init.headers['if-none-match'] === this.tag)
        return Promise.resolve(new Response(null, { status: 304 }));
      return Promise.resolve(new Response('{}', { headers: { etag: this.tag } }));
    }
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.open.set(controller, url);
        this.maxOpen = Math.max(this.maxOpen, this.open.size);
        init.signal.addEventListener('abort', () => {
          if (this.open.delete(controller)) controller.error(new DOMException('', 'AbortError'));
        });
      },
    });
    return Promise.resolve(new Response(body));
  };
  say(text: string): void {
    for (const controller of this.open.keys()) controller.enqueue(new TextEncoder().encode(text));
  }
  end(): void {
    for (const controller of this.open.keys()) controller.close();
    this.open.clear();
  }
}

let server: Fake;
let broker: Broker;
const rest = (ms: number) => vi.advanceTimersByTimeAsync(ms);

class Tab {
  got: FromBroker[] = [];
  readonly #member = broker.join((message) => this.got.push(message));
  follow(url: string, grows: boolean): void {
    broker.receive(this.#member, { kind: 'follow', url, grows });
  }
  /** Time passes for a tab that lives. */
  async lives(url: string, ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 20_000) {
      this.follow(url, true);
      await rest(Math.min(left, 20_000));
    }
  }
  say(kind: 'hide' | 'check'): void {
    broker.receive(this.#member, { kind });
  }
  get status(): string | undefined {
    return this.got.filter((one) => one.kind === 'status').at(-1)?.status;
  }
  get events(): string[] {
    return this.got.flatMap((one) => (one.kind === 'event' ? [one.name] : []));
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  server = new Fake();
  vi.stubGlobal('fetch', server.fetch);
  broker = new Broker();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

describe('many tabs', () => {
  it('share one stream, and all of them receive it', async () => {
    const tabs = Array.from({ length: 8 }, () => new Tab());
    for (const tab of tabs) tab.follow(A, true);
    await rest(10);
    expect([...server.open.values()]).toEqual([`${A}/events`]);
    server.say('event: checkpoint\ndata: {"index":1,"step":5}\n\n');
    await rest(10);
    for (const tab of tabs) expect([tab.status, ...tab.events]).toEqual(['up', 'checkpoint']);
    // A tab that joins later learns the state of the server.
    const late = new Tab();
    late.follow(A, true);
    expect(late.status).toBe('up');
    // Whatever tab goes, the others still receive.
    tabs[0].say('hide');
    await rest(3000);
    expect(server.open.size).toBe(1);
    server.say('event: metrics\ndata: {"step":9}\n\n');
    await rest(10);
    expect(tabs[7].events).toEqual(['checkpoint', 'metrics']);
    expect(tabs[0].events).toEqual(['checkpoint']);
  });
  it('of two runs that grow hold one stream: the run looked at last has it, the other is asked', async () => {
    const [one, two] = [new Tab(), new Tab()];
    one.follow(A, true);
    two.follow(B, true);
    await rest(10);
    expect([...server.open.values()]).toEqual([`${B}/events`]);
    server.tag = '"2"';
    await rest(POLL_MS + 10);
    expect(one.events).toEqual(['changed']);
    two.say('hide');
    await rest(3000);
    expect([...server.open.values()]).toEqual([`${A}/events`]);
    expect(server.maxOpen).toBe(1);
  });
  it('of finished runs, and hidden ones, hold none', async () => {
    const [one, two] = [new Tab(), new Tab()];
    one.follow(A, false);
    two.follow(B, true);
    await rest(10);
    two.say('hide');
    await rest(3000);
    expect(server.open.size).toBe(0);
    expect(one.status).toBe('up');
    // A finished run is checked for changes; without one no event is sent.
    server.asked = [];
    await rest(3 * POLL_MS);
    expect(server.asked.length).toBe(3);
    expect(one.events).toEqual([]);
    one.say('hide');
    await rest(3000);
    server.asked = [];
    await rest(60_000);
    expect(server.asked).toEqual([]);
  });
  it('that break down without a farewell are given up, those that sleep come back', async () => {
    const tab = new Tab();
    tab.follow(A, true);
    await rest(90_000);
    expect(server.open.size).toBe(0);
    tab.follow(A, true);
    await rest(10);
    expect(server.open.size).toBe(1);
    tab.follow(B, true);
    await rest(10);
    expect([...server.open.values()]).toEqual([`${B}/events`]);
  });
});

describe('a stream that ended', () => {
  it('is requested again, whatever ended it, until it succeeds', async () => {
    const tab = new Tab();
    tab.follow(A, true);
    await rest(5000);
    for (const [code, status] of [
      [null, 'gone'],
      [401, 'token'],
      [503, 'starting'],
      [404, 'missing'],
    ] as const) {
      server.code = code;
      server.end();
      await tab.lives(A, 30_000);
      expect(tab.status, String(code)).toBe(status);
      server.code = 200;
      await tab.lives(A, 10_000);
      expect(tab.status).toBe('up');
      expect(server.open.size).toBe(1);
    }
  });
  it('is requested less and less often, and at once when something else failed', async () => {
    const tab = new Tab();
    tab.follow(A, true);
    await rest(5000);
    server.code = null;
    server.end();
    await tab.lives(A, 60_000);
    server.asked = [];
    await tab.lives(A, 60_000);
    expect(server.asked.length).toBeLessThan(12);
    expect(server.asked.length).toBeGreaterThan(4);
    server.asked = [];
    tab.say('check');
    await rest(1);
    expect(server.asked.length).toBe(1);
    expect([0, 1, 2, 9].map((n) => retryWait_ms(n, 0.5))).toEqual([100, 500, 850, 8000]);
  });
  it('is not requested without a pause where the server ends every stream at once', async () => {
    const tab = new Tab();
    tab.follow(A, true);
    server.asked = [];
    for (let n = 0; n < 200; n += 1) {
      await rest(50);
      server.end();
    }
    expect(server.asked.length).toBeLessThan(12);
  });
  it('is closed where it is silent for too long', async () => {
    const tab = new Tab();
    tab.follow(A, true);
    await rest(30_000);
    server.say(':\n\n');
    // The tab lives.
    tab.follow(A, true);
    server.asked = [];
    await rest(30_000);
    expect(server.asked).toEqual([]);
    tab.follow(A, true);
    await rest(15_000);
    expect(server.asked).toEqual([`${A}/events`]);
    expect(tab.status).toBe('up');
  });
});

it('an answer shows the state of the server', () => {
  expect([200, 422, 500].map(statusFromCode)).toEqual(['up', 'up', 'up']);
  expect([401, 404, 502, 503].map(statusFromCode)).toEqual(['token', 'missing', 'starting', 'starting']);
});
