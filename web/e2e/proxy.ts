// Stands between browser and server and counts what is held open: the event streams of all tabs.
import { createServer, request, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export class Proxy {
  /** Event streams that are open now, and the most there ever were at one time. */
  streams = 0;
  maxOpen = 0;
  /** Every address that was requested. */
  readonly asked: string[] = [];
  readonly #server: HttpServer;

  private constructor(target: string) {
    const { hostname, port } = new URL(target);
    this.#server = createServer((question, answer) => {
      this.asked.push(question.url ?? '');
      const isStream = question.url?.endsWith('/events') ?? false;
      if (isStream) this.maxOpen = Math.max(this.maxOpen, (this.streams += 1));
      answer.once('close', () => {
        if (isStream) this.streams -= 1;
        inner.destroy();
      });
      const inner = request({
        hostname,
        port,
        path: question.url,
        method: question.method,
        headers: question.headers,
      });
      inner.once('response', (got) => {
        answer.writeHead(got.statusCode ?? 502, got.headers);
        got.pipe(answer);
        got.once('error', () => answer.destroy());
      });
      inner.once('error', () => answer.destroy());
      question.pipe(inner);
    });
  }

  static async before(target: string): Promise<Proxy> {
    const proxy = new Proxy(target);
    await new Promise<void>((ready) => proxy.#server.listen(0, '127.0.0.1', ready));
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.#server.close(done));
    this.#server.closeAllConnections();
    await ended;
  }
}
