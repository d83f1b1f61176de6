// Requests of a page after an event of its run: the run and its curves, and nothing that did not change.
import { expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { Proxy } from './proxy';

const VIEWS = ['filters', 'image', 'confusion', 'clusters', 'training', 'compare', 'report'];

test.for(VIEWS)('a run read again unchanged asks nothing else: %s', async (view) => {
  const proxy = await Proxy.before(inject('address'));
  const context = await (await launched()).newContext({ viewport: { width: 1280, height: 800 } });
  const dashboard = new Dashboard(await context.newPage(), proxy.address, inject('run'));
  await dashboard.view(view, { checkpoint: '3' });
  const see = (state: string) =>
    dashboard.page.evaluate((seen) => {
      Object.defineProperty(document, 'visibilityState', { value: seen, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, state);
  const run = `/api/runs/${inject('run')}`;
  const read = () => proxy.asked.filter((url) => url.startsWith(`${run}/metrics`)).length;
  const from = proxy.asked.length;
  for (let n = 0; n < 2; n += 1) {
    const before = read();
    await see('hidden');
    await see('visible');
    await expect.poll(read).toBeGreaterThan(before);
    await dashboard.idle();
  }
  const others = proxy.asked
    .slice(from)
    .filter((url) => url.startsWith('/api/') && url !== run && !url.startsWith(`${run}/metrics`));
  expect(others).toEqual([]);
  await context.close();
  await proxy.stop();
  dashboard.expectClean();
});
