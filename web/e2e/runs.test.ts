// A folder of several runs: its first page, picking runs there, and comparing them.
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { deepviz, Server } from './server';

let server: Server;

beforeAll(async () => {
  const [folder, runs] = [inject('folder'), join(inject('folder'), 'several')];
  cpSync(join(folder, inject('run')), join(runs, 'seed7'), { recursive: true });
  deepviz(
    folder,
    ...['train', 'shapes-quick', '--corpus', 'shapes', '--out', 'several/seed8'],
    ...['--epochs', '2', '--seed', '8'],
  );
  cpSync(join(folder, inject('run')), join(runs, 'torn'), { recursive: true });
  writeFileSync(join(runs, 'torn', 'run.toml'), 'name = ');
  server = await Server.start(folder, 'several');
});
afterAll(() => server?.stop());

async function opened(
  path: string,
  size = { width: 1280, height: 800 },
  theme: 'dark' | 'light' = 'dark',
): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: size, colorScheme: theme, reducedMotion: 'reduce', hasTouch: size.width < 600 });
  const dashboard = new Dashboard(await context.newPage(), server.origin, 'seed7');
  await dashboard.open(path);
  return dashboard;
}

const grid = (page: Page) => page.getByRole('grid', { name: /^Runs/ });
const entries = (page: Page) => grid(page).locator('[role=row][aria-selected]');
/** The ids in the order of the table; a run that was copied has another name. */
const ids = async (page: Page) =>
  (await grid(page).getByRole('rowheader').allTextContents()).map((text) => /seed\d/.exec(text)?.[0]);

async function closed(dashboard: Dashboard): Promise<void> {
  dashboard.expectClean();
  await dashboard.page.context().close();
}

describe('Runs', () => {
  for (const theme of ['dark', 'light'] as const)
    test(`is the first view of a folder with several runs (${theme})`, async () => {
      const dashboard = await opened('/', undefined, theme);
      const { page } = dashboard;
      expect(dashboard.urlValue('view')).toBe('runs');
      await expect.poll(() => entries(page).count()).toBe(2);
      const head = await grid(page).getByRole('columnheader').allTextContents();
      expect(head.map((text) => text.trim())).toContain('seed');
      expect(await page.getByRole('img', { name: 'Test error of 2 runs' }).count()).toBe(1);
      await page.getByText('1 run cannot be read').click();
      expect(await page.getByRole('region', { name: 'Runs' }).textContent()).toMatch(/torn.*run\.toml/s);
      await dashboard.expectAccessible();
      await closed(dashboard);
    });

  test('an address that names a run opens that run', async () => {
    const dashboard = await opened('/#run=seed8');
    expect(['story', 'filters']).toContain(dashboard.urlValue('view'));
    await closed(dashboard);
  });

  test('is sorted, filtered and grouped, all of it in the address', async () => {
    const dashboard = await opened('/#run=seed7&view=runs');
    const { page } = dashboard;
    await grid(page).getByRole('button', { name: 'seed' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('runs.sort')).toBe('set:seed');
    expect(await ids(page)).toEqual(['seed7', 'seed8']);
    await grid(page).getByRole('button', { name: 'seed' }).click();
    await dashboard.idle();
    expect(await ids(page)).toEqual(['seed8', 'seed7']);
    await page.keyboard.press('/');
    await page.keyboard.type('seed=8');
    await dashboard.idle();
    await expect.poll(() => entries(page).count()).toBe(1);
    await page.getByRole('searchbox').fill('no such run');
    await dashboard.idle();
    await page.getByRole('button', { name: 'show all' }).click();
    await expect.poll(() => entries(page).count()).toBe(2);
    await page.getByRole('combobox', { name: 'Group by' }).selectOption('seed');
    await dashboard.idle();
    expect(dashboard.urlValue('runs.group')).toBe('set:seed');
    expect(await grid(page).getByRole('row').count()).toBe(5);
    await page.reload();
    await dashboard.idle();
    await expect.poll(() => grid(page).getByRole('row').count()).toBe(5);
    await closed(dashboard);
  });

  test('by keyboard: Space picks A, then B, Enter compares them', async () => {
    const dashboard = await opened('/#run=seed7&view=runs');
    const { page } = dashboard;
    await grid(page).focus();
    const both = await ids(page);
    await dashboard.press(' ');
    await dashboard.press('ArrowDown');
    await dashboard.press(' ');
    expect(await entries(page).locator('.badge').allTextContents()).toEqual(['A', 'B']);
    await dashboard.press('Enter');
    await expect.poll(() => dashboard.urlValue('view')).toBe('confusion');
    expect([dashboard.urlValue('run'), dashboard.urlValue('b.run')]).toEqual(both);
    await page.goBack();
    await dashboard.idle();
    expect(dashboard.urlValue('view')).toBe('runs');
    await page.context().close();
  });

  test('the curve of a run under the pointer is highlighted, a click picks it', async () => {
    const dashboard = await opened('/#run=seed7&view=runs');
    const { page } = dashboard;
    await entries(page).nth(1).hover();
    await expect.poll(() => page.locator('path.highlighted').count()).toBe(2);
    await entries(page).nth(1).locator('[role=gridcell]').first().click();
    await dashboard.idle();
    expect(await entries(page).nth(1).getAttribute('aria-selected')).toBe('true');
    expect(dashboard.urlValue('runs.pick')).toMatch(/^seed\d$/);
    await page.getByRole('button', { name: 'clear' }).click();
    await dashboard.idle();
    expect(await entries(page).nth(1).getAttribute('aria-selected')).toBe('false');
    await closed(dashboard);
  });

  test('on a phone it scrolls and is picked by touch', async () => {
    const dashboard = await opened('/#run=seed7&view=runs', { width: 390, height: 844 });
    const { page } = dashboard;
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await entries(page).first().locator('[role=gridcell]').first().tap();
    await dashboard.idle();
    expect(await entries(page).first().getAttribute('aria-selected')).toBe('true');
    const box = await entries(page).first().boundingBox();
    expect(box?.height).toBeGreaterThanOrEqual(44);
    await dashboard.expectAccessible();
    await closed(dashboard);
  });
});
