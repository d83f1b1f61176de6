// Three runs of a folder: the names of their curves, and the role of the third picked run.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { Server } from './server';

let server: Server;
const RUNS = ['north', 'south', 'west'];

beforeAll(async () => {
  const folder = inject('folder');
  for (const run of RUNS) cpSync(join(folder, inject('run')), join(folder, 'marked', run), { recursive: true });
  server = await Server.start(folder, 'marked');
});
afterAll(() => server?.stop());

async function opened(picked: string[], size = { width: 1280, height: 800 }): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: size, colorScheme: 'light', reducedMotion: 'reduce', hasTouch: size.width < 600 });
  const dashboard = new Dashboard(await context.newPage(), server.origin, 'north');
  await dashboard.open(`/#run=north&view=runs&runs.sort=name&runs.pick=${picked.join(',')}`);
  return dashboard;
}
const line = (page: Page, run: string) =>
  page.getByRole('grid', { name: /^Runs/ }).locator('[role=row][aria-selected]').filter({ hasText: run });
const names = (page: Page, run: string) => page.locator(`[data-run=${run}]`);
const picks = (dashboard: Dashboard) => decodeURIComponent(dashboard.urlValue('runs.pick') ?? '');

test('curves are named at their ends; a name under the pointer is highlighted, with its curve and its row', async () => {
  const dashboard = await opened(['north', 'south']);
  const { page } = dashboard;
  for (const run of RUNS) await expect.poll(() => names(page, run).count()).toBe(2);
  expect(await names(page, 'north').first().locator('.slot').textContent()).toBe('A');
  expect(await names(page, 'west').first().locator('.slot').count()).toBe(0);
  await names(page, 'west').first().hover();
  await expect.poll(() => page.locator('path.highlighted').count()).toBe(2);
  expect(await line(page, 'west').getAttribute('class')).toMatch(/highlighted/);
  expect(await names(page, 'west').last().getAttribute('class')).toMatch(/hot/);
  await names(page, 'west').first().click();
  await dashboard.idle();
  expect(picks(dashboard)).toBe('north,south,west');
  dashboard.expectClean();
  await page.context().close();
});

test('a third run has only its curve, and is made A or B by mouse and by keyboard', async () => {
  const dashboard = await opened(['north', 'south']);
  const { page } = dashboard;
  const said = page.getByText('A and B are compared; the third is drawn in the curves');
  expect(await said.count()).toBe(0);
  await line(page, 'west').locator('[role=gridcell]').first().click();
  await dashboard.idle();
  expect(await said.count()).toBe(1);
  expect(await line(page, 'west').getByText('drawn', { exact: true }).count()).toBe(1);
  expect(await page.getByRole('button', { name: /^Make / }).count()).toBe(2);
  await dashboard.expectAccessible();
  await line(page, 'west').getByRole('button', { name: / B$/ }).click();
  await dashboard.idle();
  expect(picks(dashboard)).toBe('north,west,south');
  await page.getByRole('grid', { name: /^Runs/ }).focus();
  await dashboard.press('End');
  await dashboard.press('a');
  expect(picks(dashboard)).toBe('west,north,south');
  expect(await line(page, 'west').locator('.badge').textContent()).toBe('A');
  expect(dashboard.urlValue('run')).toBe('north');
  dashboard.expectClean();
  await page.context().close();
});

test('on a phone a third run is made B by touch', async () => {
  const dashboard = await opened(RUNS, { width: 390, height: 844 });
  const { page } = dashboard;
  const make = line(page, 'west').getByRole('button', { name: / B$/ });
  const box = await make.boundingBox();
  expect(box?.width).toBeGreaterThanOrEqual(44);
  await make.tap();
  await dashboard.idle();
  expect(picks(dashboard)).toBe('north,west,south');
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
  await page.context().close();
});
