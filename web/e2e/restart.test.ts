// The server goes away under the open page and comes back at its address: every part of every view comes back alone.
import { isDeepStrictEqual } from 'node:util';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { Server } from './server';

let server: Server;
let browser: BrowserContext;

beforeEach(async () => {
  server = await Server.start(inject('folder'), inject('run'));
  browser = await (
    await launched()
  ).newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' });
});
afterEach(async () => {
  await browser.close();
  await server.stop();
});

const open = async (view: string, more: Record<string, string> = {}): Promise<Dashboard> => {
  const dashboard = new Dashboard(await browser.newPage(), server.origin);
  await dashboard.view(view, more);
  return dashboard;
};
const restart = async (...more: string[]): Promise<void> => {
  const port = Number(new URL(server.origin).port);
  server = await Server.start(inject('folder'), inject('run'), { port, more });
};
const bar = (page: Page) => page.locator('.away-bar');
/** What is seen of a view: its words, and its pictures to the pixel. */
const seen = (page: Page) =>
  page.locator('main').evaluate((main) => ({
    // The report says the day, and a test may last past midnight.
    words: (main as HTMLElement).innerText
      .replace(/\s+/g, ' ')
      .replace(/\d{4}-\d\d-\d\d/, 'DATE')
      .trim(),
    pictures: [...main.querySelectorAll('canvas')].map((one) => one.toDataURL()),
  }));
/** The code of all views was read ahead. */
const preloaded = (page: Page) =>
  page.waitForFunction(() =>
    ['Report', 'Tour', 'vega.module'].every((name) =>
      performance.getEntriesByType('resource').some((one) => one.name.includes(`/${name}-`)),
    ),
  );

const VIEWS: [string, Record<string, string>][] = [
  ['filters', { layer: 'conv2', filter: '3' }],
  ['filters', { layer: 'fc10', filter: '1', search: 'ring' }],
  ['confusion', { 'confusion.cell': '1-2' }],
  ['confusion', { 'confusion.panel': 'suspects' }],
  ['confusion', { 'confusion.picture': 'flow', 'confusion.panel': 'moves' }],
  ['clusters', { 'clusters.open': '4', 'clusters.order': 'mixed' }],
  ['compare', {}],
  ['training', {}],
  ['image', { 'image.like': 'cluster' }],
  ['report', {}],
];

describe('a server that comes back', () => {
  test('every part of every view is shown again, without a user action', { timeout: 300_000 }, async () => {
    const pages = await Promise.all(VIEWS.map(() => open('filters', { checkpoint: '2' })));
    for (const { page } of pages) await preloaded(page);
    await server.stop('SIGKILL');
    for (const [n, { page }] of pages.entries()) {
      await expect.poll(() => bar(page).textContent()).toContain('Server unreachable');
      const before = await seen(page);
      expect(before.pictures.length).toBeGreaterThan(5);
      // The last good picture stays on the screen meanwhile.
      await page.keyboard.press('End');
      await pages[n].idle();
      expect((await seen(page)).pictures.length).toBe(before.pictures.length);
      // Another place: nothing of it has been read.
      const [view, more] = VIEWS[n];
      const place = { run: inject('run'), view, checkpoint: '11', before: '3', image: '1301', ...more };
      await page.evaluate((hash) => (location.hash = hash), new URLSearchParams(place).toString());
      await pages[n].idle();
      // No button has to be clicked, and no error is shown.
      expect(await page.getByRole('button', { name: 'try again' }).count(), view).toBe(0);
      expect(await page.getByRole('alert').count(), view).toBe(0);
    }
    await restart();
    for (const [n, { page }] of pages.entries()) {
      await expect.poll(() => bar(page).isVisible(), { message: VIEWS[n][0] }).toBe(false);
      const fresh = new Dashboard(await browser.newPage(), server.origin);
      await fresh.open(new URL(page.url()).pathname + new URL(page.url()).hash);
      await expect.poll(() => fresh.page.locator('main canvas, main svg').count()).toBeGreaterThan(0);
      await fresh.idle();
      // Both are compared each time: a page that has just opened may redraw when its font has loaded.
      await expect
        .poll(async () => isDeepStrictEqual(await seen(page), await seen(fresh.page)), {
          message: JSON.stringify(VIEWS[n]),
        })
        .toBe(true);
      await fresh.page.close();
    }
  });

  test('a view that was not opened yet opens while it is away, and fills when it is back', async () => {
    const { page } = await open('filters', { checkpoint: '6' });
    await preloaded(page);
    await server.stop('SIGKILL');
    await expect.poll(() => bar(page).isVisible()).toBe(true);
    await page.keyboard.press('2');
    await page.getByRole('heading', { name: 'Confusion' }).waitFor();
    await expect.poll(() => page.locator('main').textContent()).toContain('server unreachable');
    await restart();
    await expect.poll(() => page.getByRole('gridcell').count()).toBeGreaterThan(99);
  });

  test('a view whose code was not read keeps the one before until it is', async () => {
    const page = await browser.newPage();
    await page.route('**/assets/Clusters-*', (route) => route.abort());
    await new Dashboard(page, server.origin).view('filters', { checkpoint: '6' });
    await server.stop('SIGKILL');
    await page.keyboard.press('3');
    await expect.poll(() => bar(page).textContent()).toContain('Clusters is opened when the server is back');
    expect(await page.getByRole('navigation', { name: 'Network' }).count()).toBe(1);
    await page.unroute('**/assets/Clusters-*');
    await restart();
    await page
      .getByRole('region', { name: /^Cluster \d+:/ })
      .first()
      .waitFor();
    expect(new URL(page.url()).hash).toContain('checkpoint=6');
  });

  test('one that requires a token is reported, and the page continues once the token is given', async () => {
    const { page } = await open('confusion', { checkpoint: '6' });
    // On a busy machine the images may still be read.
    await expect.poll(async () => (await seen(page)).pictures.length).toBeGreaterThan(0);
    const before = await seen(page);
    await server.stop('SIGTERM');
    await restart('--token', 'another+token&%');
    await expect.poll(() => bar(page).textContent()).toContain('asks for a token');
    await expect.poll(() => page.locator('footer').textContent()).toContain('token needed');
    await page.keyboard.press('ArrowRight');
    // What was seen is seen.
    expect(await page.getByRole('gridcell').count()).toBeGreaterThan(99);
    const [login] = await Promise.all([
      browser.waitForEvent('page'),
      bar(page).getByRole('link', { name: 'Enter the token' }).click(),
    ]);
    await login.getByLabel('Token').fill('another+token&%');
    await login.getByRole('button', { name: 'Open' }).click();
    await login.getByRole('navigation', { name: 'Views' }).waitFor();
    await expect.poll(() => bar(page).isVisible()).toBe(false);
    await page.keyboard.press('ArrowLeft');
    await expect.poll(() => seen(page)).toEqual(before);
  });

  test('is reported visibly, also in a narrow window that scrolls', async () => {
    const { page } = await open('clusters', { checkpoint: '6' });
    await page.setViewportSize({ width: 820, height: 900 });
    await server.stop('SIGKILL');
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => bar(page).isVisible()).toBe(true);
    const [box, timeline] = [await bar(page).boundingBox(), await page.locator('footer.tl').boundingBox()];
    expect(box!.y).toBeGreaterThan(0);
    expect(box!.y + box!.height).toBeLessThanOrEqual(timeline!.y + 1);
    await restart();
    await expect.poll(() => bar(page).isVisible()).toBe(false);
  });

  test('one that has other runs says so, and offers them', async () => {
    const { page } = await open('training', { checkpoint: '6' });
    cpSync(join(inject('folder'), inject('run')), join(inject('folder'), 'other'), { recursive: true });
    await server.stop();
    const port = Number(new URL(server.origin).port);
    server = await Server.start(inject('folder'), 'other', { port });
    await expect.poll(() => bar(page).textContent()).toContain(`The server has no run ${inject('run')}`);
    expect(await page.getByRole('heading', { name: 'Training' }).count()).toBe(1);
    await page
      .getByRole('button', { name: inject('run') })
      .first()
      .click();
    await page.getByRole('list', { name: 'Runs' }).getByRole('button', { name: /other/ }).click();
    await expect.poll(() => bar(page).isVisible()).toBe(false);
    await expect.poll(() => new URL(page.url()).hash).toContain('run=other');
    rmSync(join(inject('folder'), 'other'), { recursive: true });
  });
});
