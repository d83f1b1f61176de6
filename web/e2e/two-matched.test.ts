// Matched filters keep their places while the playheads move; a card says what its filter matches.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { Server } from './server';

let server: Server;

beforeAll(async () => {
  const folder = inject('folder');
  for (const run of ['one', 'copy'])
    cpSync(join(folder, inject('run')), join(folder, 'matched', run), { recursive: true });
  server = await Server.start(folder, 'matched');
});
afterAll(() => server?.stop());

async function opened(more: Record<string, string> = {}, width = 1280): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: { width, height: 800 }, colorScheme: 'dark', reducedMotion: 'reduce' });
  const dashboard = new Dashboard(await context.newPage(), server.origin, 'one');
  await dashboard.view('filters', { 'b.run': 'copy', 'b.checkpoint': '9', checkpoint: '9', ...more });
  return dashboard;
}
const grid = (page: Page) => page.getByRole('listbox', { name: /^Matched filters of / });

/** The filters of A in the first places. */
async function places(dashboard: Dashboard): Promise<(string | undefined)[]> {
  await grid(dashboard.page).focus();
  await dashboard.press('Home');
  const found: (string | undefined)[] = [];
  for (let n = 0; n < 6; n += 1) {
    const text = await grid(dashboard.page).getByRole('option').textContent();
    found.push(/A (\d+)/.exec(text?.replace(/^A of /, '') ?? '')?.[1]);
    await dashboard.press('ArrowRight');
  }
  return found;
}

test('each filter of A keeps its position; a button sorts them again', async () => {
  const dashboard = await opened();
  const { page } = dashboard;
  const sortAgain = page.getByRole('button', { name: 'best first' });
  expect(await sortAgain.count()).toBe(0);
  const first = await places(dashboard);
  await page.keyboard.press('Escape');
  await page.evaluate(() => {
    const found: number[] = ((window as unknown as { shifts: number[] }).shifts = []);
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) found.push((entry as unknown as { value: number }).value);
    }).observe({ type: 'layout-shift' });
  });
  await page.getByRole('slider', { name: 'Checkpoint', exact: true }).focus();
  for (let step = 0; step < 7; step += 1) await dashboard.press('ArrowLeft');
  await expect.poll(() => page.getByText('in the order of checkpoint 9').count()).toBe(1);
  const sum = await page.evaluate(() =>
    (window as unknown as { shifts: number[] }).shifts.reduce((all, one) => all + one, 0),
  );
  expect(sum).toBeLessThan(0.01);
  expect(await places(dashboard)).toEqual(first);
  await dashboard.expectAccessible();
  await sortAgain.click();
  await expect.poll(() => sortAgain.count()).toBe(0);
  expect(await page.getByText('best agreement first').count()).toBe(1);
  dashboard.expectClean();
  await page.context().close();
});

test('the card says what its filter matches, before and after it is kept', async () => {
  const dashboard = await opened({ checkpoint: '5' });
  const { page } = dashboard;
  const card = page.getByRole('dialog');
  await grid(page).hover({ position: { x: 12, y: 12 } });
  await expect.poll(() => card.textContent()).toMatch(/matches B’s conv1 \d+, r \d\.\d\d/);
  await grid(page).click({ position: { x: 12, y: 60 } });
  await expect.poll(() => card.textContent()).toMatch(/matches A’s conv1 \d+, r \d\.\d\d/);
  await dashboard.view('image', { 'b.run': 'copy', checkpoint: '5', image: '1200' });
  const maps = page.getByRole('listbox', { name: /^conv1: / });
  await expect.poll(() => page.getByRole('listbox', { name: /^B, conv1: .*matched filters/ }).count()).toBe(1);
  await maps.focus();
  await dashboard.press('ArrowRight');
  await dashboard.press('Enter');
  await expect.poll(() => card.textContent()).toMatch(/matches B’s conv1 \d+, r \d\.\d\d/);
  dashboard.expectClean();
  await page.context().close();
});
