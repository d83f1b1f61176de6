// Makes one small run with the built binary and serves it on a free port, for all browser tests.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    address: string;
    run: string;
  }
}

const RUN = 'small';

function binary(): string {
  const path = resolve(process.env.DEEPVIZ_BIN ?? join(import.meta.dirname, '../../target/debug/deepviz'));
  if (!existsSync(path)) throw new Error(`no binary at ${path}; \`make e2e\` builds it first`);
  return path;
}

function make(deepviz: string, folder: string): void {
  const run = (...args: string[]) =>
    execFileSync(deepviz, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  run('corpus', 'make', 'shapes', '--out', 'shapes', '--images', '1500', '--seed', '7');
  run('train', 'shapes-quick', '--corpus', 'shapes', '--out', RUN, '--epochs', '3', '--seed', '7');
  run('stats', RUN);
}

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

export default async function setup(project: TestProject): Promise<() => void> {
  const deepviz = binary();
  const folder = mkdtempSync(join(tmpdir(), 'deepviz-e2e-'));
  try {
    make(deepviz, folder);
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  const server = spawn(deepviz, ['serve', RUN, '--addr', '127.0.0.1:0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  project.provide('address', await addressOf(server));
  project.provide('run', RUN);
  return () => {
    server.kill();
    rmSync(folder, { recursive: true });
  };
}
