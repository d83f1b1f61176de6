// The built binary: small runs made with it, and servers started from it.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

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

export class Server {
  private constructor(
    readonly process: ChildProcess,
    /** Origin and, where a token is asked for, the token. */
    readonly printed: string,
  ) {}

  get origin(): string {
    return new URL(this.printed).origin;
  }

  /** Serves a run, or a folder of runs, on a free port or on one that is named. */
  static async start(folder: string, run: string, { port = 0, more = [] as string[] } = {}): Promise<Server> {
    const child = spawn(binary(), ['serve', run, '--addr', `127.0.0.1:${port}`, ...more], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return new Server(child, await addressOf(child));
  }

  /** Ends the server; resolves when its port is free again. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((done) => this.process.once('exit', done));
    this.process.kill(signal);
    await ended;
  }
}
