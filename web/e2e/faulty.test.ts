// A run with unreadable parts: the page shows the rest, and reports what is missing and why.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { Server } from './server';

let server: Server;

beforeAll(async () => {
  const [folder, runs] = [inject('folder'), join(inject('folder'), 'faulty-runs')];
  for (const name of ['faulty', 'unopened'])
    cpSync(join(folder, inject('run')), join(runs, name), { recursive: true });
  const metrics = join(runs, 'faulty', 'metrics.jsonl');
  const lines = readFileSync(metrics, 'utf8').split('\n');
  lines.splice(4, 2, 'no measurement', '{}');
  writeFileSync(metrics, lines.join('\n'));
  writeFileSync(join(runs, 'faulty', 'stats.sqlite'), 'no statistics '.repeat(400));
  writeFileSync(join(runs, 'unopened', 'run.toml'), 'name = ');
  server = await Server.start(folder, 'faulty-runs');
});
afterAll(() => server?.stop());

test('a run with lines and statistics that cannot be read says so', async () => {
  const context = await (await launched()).newContext({ viewport: { width: 1000, height: 700 } });
  const page = await context.newPage();
  // Its answers of 422 are what is tested: this page is not asked to be clean.
  const dashboard = new Dashboard(page, server.origin, 'faulty');
  const main = () => page.getByRole('main').textContent();
  const skipped = /2 lines of metrics\.jsonl cannot be read and are left out, the first is line 5: \S/;

  await dashboard.view('training', { checkpoint: 'last' });
  await expect.poll(main).toMatch(skipped);
  expect(await main()).toContain('the statistics cannot be read');
  await page.locator('button.run').click();
  const list = page.getByRole('list', { name: 'Runs' });
  expect(await list.textContent()).toMatch(skipped);
  expect(await list.textContent()).toContain('the statistics are damaged');
  expect(await list.textContent()).toMatch(/unopened\s*cannot be opened.*run\.toml/);
  await dashboard.expectAccessible();

  await dashboard.view('report', { checkpoint: 'last' });
  expect(await main()).toMatch(skipped);
  expect(await main()).toContain('the statistics are damaged');
  for (const view of ['confusion', 'clusters']) {
    await dashboard.view(view, { checkpoint: 'last' });
    await expect.poll(main).toContain('the statistics are damaged');
    await dashboard.expectAccessible();
  }
  for (const view of ['image', 'filters']) {
    await dashboard.view(view, { checkpoint: 'last' });
    await expect.poll(main).toContain('the statistics cannot be read');
  }
  await context.close();
});
