// The story of two runs: which to ship, and how they differ, each sentence with a link to the view that shows it.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { Dashboard, launched, test, type Theme } from './dashboard';
import { deepviz, Server } from './server';

let server: Server;

beforeAll(async () => {
  const [folder, runs] = [inject('folder'), join(inject('folder'), 'tales')];
  cpSync(join(folder, inject('run')), join(runs, 'one'), { recursive: true });
  deepviz(
    folder,
    ...['train', 'shapes-quick', '--corpus', 'shapes', '--out', 'tales/other'],
    ...['--epochs', '1', '--seed', '8'],
  );
  deepviz(folder, 'stats', 'tales/other');
  server = await Server.start(folder, 'tales');
});
afterAll(() => server?.stop());

async function opened(more: Record<string, string> = {}, theme: Theme = 'dark'): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: { width: 1280, height: 800 }, colorScheme: theme, reducedMotion: 'reduce' });
  const dashboard = new Dashboard(await context.newPage(), server.origin, 'one');
  await dashboard.view('story', { 'b.run': 'other', ...more });
  // Filters are matched last, one layer after the other.
  const pending = dashboard.page.getByText(/^being read: /);
  await expect.poll(() => pending.count(), { timeout: 120_000 }).toBe(0);
  await dashboard.idle();
  return dashboard;
}
async function closed(dashboard: Dashboard): Promise<void> {
  dashboard.expectClean();
  await dashboard.page.context().close();
}
const links = (page: Page) => page.getByRole('main').locator('h2 a');
const texts = async (page: Page) => (await links(page).allTextContents()).map((one) => one.trim());

describe('the story of two runs', () => {
  test('recommends one, and lists the differences', async () => {
    const dashboard = await opened();
    const { page } = dashboard;
    const sentences = await texts(page);
    const errors = await page.evaluate(
      async () =>
        (await (await fetch('api/runs/one/checkpoints/last/compare/errors?b=other')).json()) as {
          p: number;
          error: [number, number];
        },
    );
    const percentages = errors.error.map((one) => (one * 100).toFixed(1));
    if (errors.p < 0.05) {
      expect(sentences[0]).toContain(`Ship ${errors.error[0] < errors.error[1] ? 'A' : 'B'}`);
      expect(sentences[1]).toContain('more than noise');
    } else {
      expect(sentences[0]).toMatch(/beyond noise/);
      expect(sentences[1]).toContain('No difference beyond noise');
    }
    for (const one of percentages) expect(sentences[1]).toContain(`${one} %`);
    expect(sentences.some((one) => one.includes('setting') || one.includes('seed alone'))).toBe(true);
    expect(sentences.some((one) => /CKA/.test(one))).toBe(true);
    expect(sentences.at(-1)).toMatch(/each the other’s best match|have their like in B/);
    const body = (await page.getByRole('main').textContent()) ?? '';
    expect(body).toContain('95 % interval');
    expect(body).toContain('not of training again');
    await dashboard.expectAccessible();
    await closed(dashboard);
  });

  test('every sentence leads to the view set up for both', async () => {
    const dashboard = await opened();
    const { page } = dashboard;
    const slider = page.getByRole('slider', { name: 'Checkpoint', exact: true });
    const last = await slider.getAttribute('aria-valuemax');
    const hrefs = await links(page).evaluateAll((all) => all.map((one) => one.getAttribute('href') ?? ''));
    for (const href of hrefs.slice(0, 4)) {
      await links(page).nth(hrefs.indexOf(href)).press('Enter');
      await dashboard.idle();
      const wanted = new URLSearchParams(href.slice(1));
      for (const key of ['view', 'b.run', 'b.checkpoint', 'confusion.two'])
        expect(dashboard.urlValue(key)).toBe(wanted.get(key));
      expect(await slider.getAttribute('aria-valuenow')).toBe(last);
      await page.goBack();
      await dashboard.idle();
      await expect.poll(() => texts(page).then((all) => all.length)).toBeGreaterThanOrEqual(hrefs.length - 2);
    }
    // By mouse anywhere on the sentence.
    const box = (await page.locator('.st').first().boundingBox())!;
    await page.mouse.click(box.x + 20, box.y + box.height - 10);
    await dashboard.idle();
    expect(dashboard.urlValue('view')).toBe('confusion');
    await closed(dashboard);
  });

  test('A alone has its own story, in the address', async () => {
    const dashboard = await opened();
    const { page } = dashboard;
    await page.getByRole('button', { name: 'A alone' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('story.page')).toBe('one');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('The story of this run');
    await dashboard.expectAccessible();
    await page.getByRole('button', { name: 'A and B' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('story.page')).toBeNull();
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('The story of two runs');
    await closed(dashboard);
  });

  test('is presented, and is a table', async () => {
    const dashboard = await opened({}, 'light');
    const { page } = dashboard;
    const sentences = await texts(page);
    await dashboard.press('t');
    const table = page.getByRole('complementary', { name: 'Numbers of this view' });
    expect(await table.getByRole('row').count()).toBe(sentences.length + 1);
    await dashboard.press('Escape');
    await dashboard.press('p');
    const heading = page.getByRole('heading', { level: 1 });
    expect(await heading.textContent()).toBe(sentences[0]);
    await dashboard.press('Space');
    expect(await heading.textContent()).toBe(sentences[1]);
    await dashboard.expectAccessible();
    await dashboard.press('Escape');
    expect(await page.getByRole('navigation', { name: 'Views' }).isVisible()).toBe(true);
    await closed(dashboard);
  });

  test('a run compared with itself: no differences', async () => {
    const dashboard = await opened({ 'b.run': 'one' });
    const { page } = dashboard;
    const sentences = await texts(page);
    expect(sentences[0]).toContain('Ship either');
    expect(sentences[1]).toContain('right on the same images');
    expect(sentences.some((one) => one.includes('All layers see much the same: CKA 1.00'))).toBe(true);
    await page.getByText('tell nothing of these two').click();
    expect(await page.getByRole('main').textContent()).toContain('both are checkpoints of one run');
    await dashboard.expectAccessible();
    await closed(dashboard);
  });

  test('is one column on a phone', async () => {
    const dashboard = await opened();
    const { page } = dashboard;
    await page.setViewportSize({ width: 390, height: 844 });
    await dashboard.idle();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    const buttons = page.getByRole('main').getByRole('button');
    for (const box of await buttons.evaluateAll((all) => all.map((one) => one.getBoundingClientRect().height)))
      expect(box).toBeGreaterThanOrEqual(40);
    await dashboard.expectAccessible();
    await closed(dashboard);
  });
});
