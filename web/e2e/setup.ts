// Makes one small run with the built binary and serves it on a free port, for all browser tests.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { deepviz, Server } from './server';

declare module 'vitest' {
  interface ProvidedContext {
    address: string;
    run: string;
    /** Where the run lies, for tests that start servers of their own. */
    folder: string;
  }
}

const RUN = 'small';

function make(folder: string): void {
  deepviz(folder, 'corpus', 'make', 'shapes', '--out', 'shapes', '--images', '1500', '--seed', '7');
  deepviz(folder, 'train', 'shapes-quick', '--corpus', 'shapes', '--out', RUN, '--epochs', '3', '--seed', '7');
  deepviz(folder, 'stats', RUN);
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), 'deepviz-e2e-'));
  try {
    make(folder);
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  const server = await Server.start(folder, RUN);
  project.provide('address', server.origin);
  project.provide('run', RUN);
  project.provide('folder', folder);
  return async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  };
}
