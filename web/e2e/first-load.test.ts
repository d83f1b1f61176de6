// What a first visit costs on the wire: the code and styles of the page that opens, before any other view is fetched ahead.
import { expect, inject } from 'vitest';
import { launched, test } from './dashboard';

/**
 * Bytes, compressed as the server sends them. Vega, which Training alone draws with at once, is not counted.
 */
const MAX = 250_000;

for (const hash of ['', 'view=runs', 'view=filters', 'view=confusion', 'view=training', 'view=image'])
  // Vite's preview, which replaces the server when a bundle is tested alone, does not compress.
  test.skipIf(process.env.DEEPVIZ_WEB !== undefined)(
    `the first load of ${hash || 'the landing page'} is below ${MAX / 1000} KB`,
    async () => {
      const browser = await launched();
      const page = await browser.newPage();
      const session = await page.context().newCDPSession(page);
      await session.send('Network.enable');
      const addresses = new Map<string, string>();
      const read = new Map<string, number>();
      session.on('Network.responseReceived', (event) =>
        addresses.set(event.requestId, new URL(event.response.url).pathname),
      );
      session.on('Network.loadingFinished', (event) =>
        read.set(addresses.get(event.requestId) ?? '', event.encodedDataLength),
      );
      // Other views are fetched when the page has nothing to do: here it always has.
      await page.addInitScript(() => {
        globalThis.requestIdleCallback = () => 0;
      });
      await page.goto(`${inject('address')}/#run=${inject('run')}&${hash}`);
      await page.waitForFunction(() => document.documentElement.dataset.idle === 'true');
      const code = [...read].filter(([path]) => !path.startsWith('/api/'));
      expect(code.length).toBeGreaterThan(4);
      const own = code.filter(([path]) => !path.includes('vega'));
      expect(own.length === code.length).toBe(hash !== 'view=training');
      expect(own.reduce((sum, [, bytes]) => sum + bytes, 0)).toBeLessThan(MAX);
      await page.context().close();
    },
  );
