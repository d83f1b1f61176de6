// Histories of A with those of B beside them. B is a copy of A here: what is dashed must be what is drawn.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { Server } from './server';

const AT = '12';
let server: Server;

beforeAll(async () => {
  const [folder, runs] = [inject('folder'), join(inject('folder'), 'histories')];
  for (const name of ['one', 'copy'])
    cpSync(join(folder, inject('run')), join(runs, name), { recursive: true });
  server = await Server.start(folder, 'histories');
});
afterAll(() => server?.stop());

async function opened(view: string, more: Record<string, string> = {}): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'light', reducedMotion: 'reduce' });
  const dashboard = new Dashboard(await context.newPage(), server.origin, 'one');
  await dashboard.view(view, {
    checkpoint: AT,
    image: '1250',
    'b.run': 'copy',
    [`${view}.page`]: 'one',
    ...more,
  });
  return dashboard;
}
async function closed(dashboard: Dashboard): Promise<void> {
  dashboard.expectClean();
  await dashboard.page.context().close();
}
const paths = (drawing: Locator, which: string) => drawing.locator(which).evaluateAll((all) => all.map((one) => one.getAttribute('d'))); // prettier-ignore
const pinned = (page: Page) => page.getByRole('region', { name: 'Pinned filter' });

describe('a confused pair', () => {
  for (const panel of ['cell', 'apart'])
    test(`has that of B dashed, in ${panel}`, async () => {
      const dashboard = await opened('confusion', { cell: '2-3', 'confusion.panel': panel });
      const { page } = dashboard;
      const chart = page.getByRole('img', { name: /mixed up: images at every checkpoint/ });
      await expect.poll(() => paths(chart, 'path.second')).toHaveLength(1);
      expect(await paths(chart, 'path.second')).toEqual(await paths(chart, 'path.main'));
      const [, here, inB] = /here (\d+), in B (\d+)/.exec((await chart.getAttribute('aria-label')) ?? '') ?? [];
      expect(inB).toBe(here);
      await chart.hover({ position: { x: 60, y: 40 } });
      const tip = page.locator('.tip');
      await expect.poll(() => tip.textContent()).toMatch(/B, checkpoint \d+/);
      // It stays where it is while one scrubs.
      const before = await paths(chart, 'path.second');
      await dashboard.press('ArrowLeft');
      expect(await paths(chart, 'path.second')).toEqual(before);
      await dashboard.expectAccessible();
      await closed(dashboard);
    });

  test('has none without a second run, and of a class that is recognised one', async () => {
    const dashboard = await opened('confusion', { 'b.run': '', cell: '2-3' });
    const { page } = dashboard;
    const chart = page.getByRole('img', { name: /images at every checkpoint/ });
    await expect.poll(() => paths(chart, 'path.main')).toHaveLength(1);
    expect(await paths(chart, 'path.second')).toHaveLength(0);
    await dashboard.view('confusion', {
      ...{ checkpoint: AT, 'b.run': 'copy', 'confusion.page': 'one', cell: '2-2' },
    });
    await expect.poll(() => paths(chart, 'path.second')).toHaveLength(1);
    expect(await paths(chart, 'path.second')).toEqual(await paths(chart, 'path.main'));
    await closed(dashboard);
  });
});

describe('a filter', () => {
  test('that is pinned has the history of the one that it matches, which is named', async () => {
    const dashboard = await opened('filters', { layer: 'conv2', filter: '3' });
    const { page } = dashboard;
    const drawing = pinned(page).getByRole('img', { name: 'History of filter 3' });
    await expect.poll(() => paths(drawing, 'path.second')).not.toHaveLength(0);
    await dashboard.idle();
    expect(await paths(drawing, 'path.second')).toEqual(await paths(drawing, 'path.curve:not(.second)'));
    expect(await pinned(page).textContent()).toContain('dashed: B 3, r 1.00');
    await dashboard.expectAccessible();
    await closed(dashboard);
  });

  test('without a match says so', async () => {
    const dashboard = await opened('filters', { layer: 'conv2', filter: '0', 'b.checkpoint': '0' });
    const { page } = dashboard;
    const alone = await page.evaluate(async (at) => {
      const query = 'b=copy&b_checkpoint=0&layer=conv2&b_layer=conv2';
      const answer = await fetch(`/api/runs/one/checkpoints/${at}/compare/units?${query}`);
      const { unmatched } = (await answer.json()) as { unmatched: { a: { unit: number }[] } };
      return unmatched.a[0]?.unit;
    }, AT);
    expect(alone).toBeGreaterThanOrEqual(0);
    await dashboard.view('filters', {
      ...{ checkpoint: AT, 'b.run': 'copy', 'b.checkpoint': '0', 'filters.page': 'one' },
      ...{ layer: 'conv2', filter: String(alone) },
    });
    await expect.poll(() => pinned(page).textContent()).toContain('no match in B');
    expect(await pinned(page).locator('path.second').count()).toBe(0);
    await closed(dashboard);
  });

  test('on a card that is kept, by mouse and by keyboard', async () => {
    const dashboard = await opened('filters', { 'filters.page': '', layer: 'conv2' });
    const { page } = dashboard;
    const pairs = page.getByRole('listbox', { name: /^Matched filters of / });
    const card = page.getByRole('dialog');
    const isDrawn = async (): Promise<void> => {
      await expect.poll(() => paths(card, 'path.second')).toHaveLength(1);
      const [second] = await paths(card, 'path.second');
      expect(await paths(card, 'svg path:not(.second)')).toContain(second);
      expect(await card.textContent()).toMatch(/B \d+, r 1\.00/);
    };
    await pairs.click({ position: { x: 12, y: 12 } });
    await isDrawn();
    await dashboard.expectAccessible();
    await dashboard.press('Escape');
    await pairs.focus();
    await dashboard.press('ArrowRight');
    await dashboard.press('Enter');
    await isDrawn();
    // The card of B itself has no other beside it.
    await dashboard.press('Escape');
    await pairs.focus();
    await dashboard.press('ArrowDown');
    await dashboard.press('Enter');
    await expect.poll(() => card.getAttribute('aria-label')).toMatch(/^B: /);
    expect(await card.locator('path.second').count()).toBe(0);
    await closed(dashboard);
  });
});
