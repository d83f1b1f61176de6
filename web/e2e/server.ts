// The built binary: small runs made with it, and servers started from it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { preview, type PreviewServer } from 'vite';

export function binary(): string {
  const path = resolve(process.env.DEEPVIZ_BIN ?? join(import.meta.dirname, '../../target/debug/deepviz'));
  if (!existsSync(path)) throw new Error(`no binary at ${path}; \`make e2e\` builds it first`);
  return path;
}

/** Runs a command of the binary in a folder, to its end. */
export const deepviz = (folder: string, ...args: string[]): void =>
  void execFileSync(binary(), args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });

/** The first line of the server's output that names its address. */
function addressOf(server: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    const lines = createInterface({ input: server.stdout! });
    lines.on('line', (line) => {
      const address = /http:\/\/\S+/.exec(line)?.[0];
      if (address) found(address.replace(/\/$/, ''));
    });
    server.once('exit', (code) =>
      failed(new Error(`deepviz serve ended with ${code} before it named its address`)),
    );
  });
}

/**
 * With `DEEPVIZ_WEB=dist` the dashboard comes from `web/dist`, as `npm run build` has just made it, and the binary, which
 * may have another one in it, answers the API behind it.
 */
function frontOf(printed: string): Promise<PreviewServer | null> {
  if (process.env.DEEPVIZ_WEB !== 'dist') return Promise.resolve(null);
  const proxy = { '/api': new URL(printed).origin };
  return preview({
    root: join(import.meta.dirname, '..'),
    logLevel: 'error',
    preview: { host: '127.0.0.1', port: 0, proxy },
  });
}

export class Server {
  private constructor(
    readonly process: ChildProcess,
    /** Origin and, where a token is required, the token. */
    readonly printed: string,
    readonly front: PreviewServer | null,
  ) {}

  get origin(): string {
    if (!this.front) return new URL(this.printed).origin;
    return `http://127.0.0.1:${(this.front.httpServer.address() as AddressInfo).port}`;
  }

  /** Serves a run, or a folder of runs, on a free port or on one that is named. */
  static async start(folder: string, run: string, { port = 0, more = [] as string[] } = {}): Promise<Server> {
    const child = spawn(binary(), ['serve', run, '--addr', `127.0.0.1:${port}`, ...more], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const printed = await addressOf(child);
    return new Server(child, printed, await frontOf(printed));
  }

  /** Ends the server; resolves when its port is free again. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((done) => this.process.once('exit', done));
    this.process.kill(signal);
    await ended;
    await this.front?.close();
  }
}
