// Many tabs of one browser: all of them load and receive events, and together they hold one connection at most.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, vi } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { Proxy } from './proxy';
import { binary, deepviz, Server } from './server';

const TABS = 8;
let folder: string;
let server: Server;
let training: ChildProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepviz-e2e-'));
  deepviz(folder, 'corpus', 'make', 'shapes', '--out', 'shapes', '--images', '200', '--seed', '7');
  // It trains for as long as the tests need it, with checkpoints faster than eight pages can draw each of them.
  const more = ['--epochs', '50000', '--threads', '1', '--snapshot-every', '8 steps'];
  training = spawn(binary(), ['train', 'shapes-quick', '--corpus', 'shapes', '--out', 'growing', ...more], {
    cwd: folder,
    stdio: 'ignore',
  });
  await vi.waitUntil(() => existsSync(join(folder, 'growing', 'snapshots')), { timeout: 60_000 });
  server = await Server.start(folder, 'growing');
});
afterAll(async () => {
  await server?.stop();
  training?.kill('SIGKILL');
  await new Promise((ended) => (training.exitCode === null ? training.once('exit', ended) : ended(null)));
  rmSync(folder, { recursive: true });
});

async function tabs(context: BrowserContext, address: string, run: string, view: string): Promise<Dashboard[]> {
  const all: Dashboard[] = [];
  for (let n = 0; n < TABS; n += 1) {
    const dashboard = new Dashboard(await context.newPage(), address, run);
    await dashboard.view(view);
    all.push(dashboard);
  }
  return all;
}

const context = async () => (await launched()).newContext({ viewport: { width: 1000, height: 700 } });

/** Long enough for a busy machine; a page without events never gets there. */
const NEWS_MS = 120_000;

/** The last checkpoint that the server has. */
async function newest(): Promise<number> {
  const run = (await (await fetch(`${server.origin}/api/runs/growing`)).json()) as { checkpoints: unknown[] };
  return run.checkpoints.length - 1;
}

/** Every one of them comes to know a later checkpoint than the last that it knows now. */
async function expectNews(all: Dashboard[]): Promise<void> {
  const known = await Promise.all(all.map((one) => one.last()));
  for (const [n, one] of all.entries())
    await expect.poll(() => one.last(), { timeout: NEWS_MS }).toBeGreaterThan(known[n]);
}

describe(`${TABS} tabs`, () => {
  test(
    'of a run that grows: all load, all receive events, one connection; closing any of them changes nothing',
    { timeout: 600_000 },
    async () => {
      const proxy = await Proxy.before(server.origin);
      const browser = await context();
      const all = await tabs(browser, proxy.address, 'growing', 'filters');
      await expect.poll(() => proxy.streams).toBe(1);
      await expectNews(all);
      // Every one can still ask.
      for (const one of all)
        expect(
          await one.page.evaluate(async () => (await fetch('api/status', { cache: 'no-store' })).status),
        ).toBe(200);
      // The first, which began to listen, goes; and so does any other.
      for (const gone of [0, 3]) {
        await all[gone].page.close();
        await expectNews(all.filter((_, n) => n !== 0 && n !== gone));
      }
      expect(proxy.maxOpen).toBe(1);
      await browser.close();
      await expect.poll(() => proxy.streams).toBe(0);
      await proxy.stop();
      for (const one of all) one.expectClean();
    },
  );

  test(
    'that are hidden hold none and ask nothing, and one that is seen again catches up',
    { timeout: 300_000 },
    async () => {
      const proxy = await Proxy.before(server.origin);
      const browser = await context();
      const dashboard = new Dashboard(await browser.newPage(), proxy.address, 'growing');
      await dashboard.view('filters');
      await expect.poll(() => proxy.streams).toBe(1);
      const see = (state: string) =>
        dashboard.page.evaluate((seen) => {
          Object.defineProperty(document, 'visibilityState', { value: seen, configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));
        }, state);
      await see('hidden');
      await expect.poll(() => proxy.streams).toBe(0);
      // What was in flight arrives.
      await dashboard.idle();
      const known = await dashboard.last();
      const at = proxy.asked.length;
      await expect.poll(newest, { timeout: NEWS_MS }).toBeGreaterThan(known + 2);
      // The code of other views is read ahead once, seen or not.
      const asked = proxy.asked.slice(at).filter((url) => url.startsWith('/api/'));
      expect([await dashboard.last(), asked]).toEqual([known, []]);
      await see('visible');
      await expect.poll(() => dashboard.last(), { timeout: NEWS_MS }).toBeGreaterThan(known + 2);
      await expect.poll(() => proxy.streams).toBe(1);
      await browser.close();
      await proxy.stop();
      dashboard.expectClean();
    },
  );

  test('of a finished run hold none', async () => {
    const proxy = await Proxy.before(inject('address'));
    const browser = await context();
    const all = await tabs(browser, proxy.address, inject('run'), 'confusion');
    // It is asked whether it changed: so the server is known to be there.
    const polled = () => proxy.asked.filter((url) => url === `/api/runs/${inject('run')}`).length;
    const before = polled();
    await expect.poll(polled).toBeGreaterThan(before + 1);
    expect([proxy.streams, proxy.maxOpen]).toEqual([0, 0]);
    await browser.close();
    await proxy.stop();
    for (const one of all) one.expectClean();
  });

  test('of a finished run see statistics that are computed later', async () => {
    cpSync(join(inject('folder'), inject('run')), join(inject('folder'), 'later'), {
      recursive: true,
      filter: (path) => !path.includes('stats.sqlite'),
    });
    const finished = await Server.start(inject('folder'), 'later');
    const browser = await context();
    const dashboard = new Dashboard(await browser.newPage(), finished.origin, 'later');
    await dashboard.view('confusion', { checkpoint: 'last' });
    expect(await dashboard.page.getByRole('main').textContent()).toContain(
      'has no statistics of the test images',
    );
    const computing = spawn(binary(), ['stats', 'later', '--split', 'test'], {
      cwd: inject('folder'),
      stdio: 'ignore',
    });
    const cells = dashboard.page.getByRole('gridcell').and(dashboard.page.locator('[data-truth]'));
    await expect.poll(() => cells.count(), { timeout: 90_000 }).toBe(100);
    await browser.close();
    await finished.stop();
    await new Promise((ended) => (computing.exitCode === null ? computing.once('exit', ended) : ended(null)));
    dashboard.expectClean();
  });

  test('where no worker can be shared: each follows for itself', { timeout: 240_000 }, async () => {
    const proxy = await Proxy.before(server.origin);
    const browser = await context();
    await browser.addInitScript(() => Reflect.deleteProperty(globalThis, 'SharedWorker'));
    const dashboard = new Dashboard(await browser.newPage(), proxy.address, 'growing');
    await dashboard.view('filters');
    await expectNews([dashboard]);
    expect(proxy.maxOpen).toBe(1);
    await browser.close();
    await proxy.stop();
    dashboard.expectClean();
  });
});
