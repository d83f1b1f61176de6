// A corpus without test images: every view reports it, and no request is sent for data that cannot exist.
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { deepviz, Server } from './server';

const NAMES = ['ant', 'bee', 'cow', 'dog', 'elk', 'fox', 'gnu', 'hen', 'ibis', 'jay'];
let folder: string;
let server: Server;

/** Images as CIFAR-10's binary batches hold them, for training only: a bright bar whose position is the class. */
function makeCorpus(path: string, images: number): void {
  mkdirSync(path);
  const record = 1 + 3 * 32 * 32;
  const bytes = Buffer.alloc(images * record);
  for (let n = 0; n < images; n += 1) {
    const label = n % NAMES.length;
    bytes[n * record] = label;
    for (let at = 0; at < record - 1; at += 1) bytes[n * record + 1 + at] = (n * 31 + at * 17) % 60;
    const channel = n * record + 1 + (label % 3) * 1024;
    bytes.fill(200 + (n % 50), channel + label * 3 * 32, channel + (label * 3 + 4) * 32);
  }
  writeFileSync(join(path, 'data_batch_1.bin'), bytes);
  writeFileSync(join(path, 'batches.meta.txt'), `${NAMES.join('\n')}\n`);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepviz-e2e-'));
  makeCorpus(join(folder, 'zoo'), 200);
  deepviz(folder, 'train', 'shapes-quick', '--corpus', 'zoo', '--out', 'zoo-run', '--epochs', '1');
  deepviz(folder, 'stats', 'zoo-run');
  server = await Server.start(folder, 'zoo-run');
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

describe('without a test split', () => {
  test('every view says so, and none is answered with an error', async () => {
    const context = await (await launched()).newContext({ viewport: { width: 1280, height: 800 } });
    const page = await context.newPage();
    const dashboard = new Dashboard(page, server.origin, 'zoo-run');
    const said = 'this corpus has no test split';
    for (const view of ['filters', 'confusion', 'clusters', 'training', 'report']) {
      await dashboard.view(view, { checkpoint: 'last' });
      await expect.poll(() => page.getByRole('main').textContent(), { message: view }).toContain(said);
      expect(await page.getByRole('main').textContent(), view).not.toContain('deepviz stats');
    }
    // The images that there are can be had instead.
    await dashboard.view('confusion', { checkpoint: 'last' });
    await page.getByRole('button', { name: 'the training images instead' }).click();
    await dashboard.idle();
    expect(await page.getByRole('gridcell').and(page.locator('[data-truth]')).count()).toBe(100);
    for (const view of ['compare', 'image']) await dashboard.view(view, { checkpoint: 'last' });
    await context.close();
    dashboard.expectClean();
  });
});
