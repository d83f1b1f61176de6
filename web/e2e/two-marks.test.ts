// Beside a second run every panel that is of A alone says so; the help has the words of two runs.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { Server } from './server';

let server: Server;

beforeAll(async () => {
  const folder = inject('folder');
  for (const run of ['one', 'copy'])
    cpSync(join(folder, inject('run')), join(folder, 'marks', run), { recursive: true });
  server = await Server.start(folder, 'marks');
});
afterAll(() => server?.stop());

async function opened(width = 1280): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: { width, height: 800 }, colorScheme: 'light', reducedMotion: 'reduce' });
  return new Dashboard(await context.newPage(), server.origin, 'one');
}

const PAGES: [view: string, more: Record<string, string>, min: number][] = [
  ['story', { 'story.page': 'one' }, 1],
  ['filters', { 'filters.page': 'one' }, 2],
  ['confusion', { 'confusion.page': 'one' }, 1],
  ['confusion', { 'confusion.page': 'one', 'confusion.picture': 'flow' }, 1],
  ['confusion', { 'confusion.page': 'review' }, 1],
  ['clusters', { 'clusters.page': 'one' }, 1],
  ['compare', { 'compare.page': 'one' }, 1],
  ['training', {}, 3],
  ['training', { 'training.page': 'units' }, 2],
  ['training', { 'training.page': 'units', 'training.show': 'lifelines' }, 2],
  ['image', {}, 5],
  ['image', { 'image.page': 'why' }, 1],
  ['image', { 'image.page': 'remembers' }, 1],
];

test('what is of A alone carries its mark', async () => {
  const dashboard = await opened();
  const { page } = dashboard;
  for (const [view, more, min] of PAGES) {
    await dashboard.view(view, { ...more, 'b.run': 'copy' });
    const marks = page.locator('main .of-run:visible');
    await expect
      .poll(() => marks.count(), { message: `${view} ${JSON.stringify(more)}` })
      .toBeGreaterThanOrEqual(min);
    expect(await marks.first().getAttribute('title')).toMatch(/^Of A alone, ./);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(1280);
  }
  await dashboard.expectAccessible();
  await dashboard.view('training');
  expect(await page.locator('.of-run').count()).toBe(0);
  dashboard.expectClean();
  await page.context().close();
});

test('the speed of a run is the same in its list and in Training', async () => {
  const dashboard = await opened();
  const { page } = dashboard;
  await dashboard.view('training');
  const said = await page.locator('.now3 :text("images/s") + b').textContent();
  await dashboard.view('runs');
  const grid = page.getByRole('grid', { name: /^Runs/ });
  const heads = (await grid.getByRole('columnheader').allTextContents()).map((text) => text.trim());
  const cells = grid.locator('[role=row][aria-selected]').first().locator('> span');
  await expect.poll(() => cells.nth(heads.indexOf('Images / s')).textContent()).toContain(said ?? '?');
  await page.context().close();
});

test('the help explains the words of two runs', async () => {
  const dashboard = await opened();
  const { page } = dashboard;
  await dashboard.view('compare', { 'b.run': 'copy' });
  await dashboard.press('?');
  const terms = page.getByRole('region', { name: 'Terms' });
  for (const term of ['align by', 'CKA', 'Procrustes', 'matched', 'opposite', 'images/s'])
    expect(await terms.locator('dt').getByText(term, { exact: true }).count(), term).toBe(1);
  await page.context().close();
});

test('a constant layer is hatched and named, and the names of layers are whole where there is room', async () => {
  const dashboard = await opened();
  const { page } = dashboard;
  await page.route('**/compare/layers*', async (route) => {
    const response = await route.fetch();
    const answer = (await response.json()) as Record<'cka' | 'procrustes', (number | null)[][]>;
    for (const measure of [answer.cka, answer.procrustes]) measure[1] = measure[1].map(() => null);
    await route.fulfill({ response, json: { ...answer, proposed: [0, null, 2, 3, 4] } });
  });
  await dashboard.view('compare', { 'b.run': 'copy' });
  const grid = page.getByRole('grid', { name: /^Similarity of the layers/ });
  await expect.poll(() => grid.locator('td.constant').count()).toBe(5);
  expect(await page.getByText('constant: the same output for every image').count()).toBe(1);
  expect(await page.getByRole('complementary', { name: 'Opposite layers' }).textContent()).toMatch(
    /conv2 constant/,
  );
  const cell = await grid.getByRole('gridcell').first().boundingBox();
  expect(cell?.width).toBeGreaterThanOrEqual(14);
  await dashboard.expectAccessible();
  await page.context().close();
});

test('the name of the only run is whole in the top bar', async () => {
  for (const width of [1280, 1440]) {
    const dashboard = await opened(width);
    const { page } = dashboard;
    await dashboard.view('filters');
    const name = page.locator('button.run .name');
    expect(await name.evaluate((node) => node.scrollWidth <= node.clientWidth), String(width)).toBe(true);
    await page.context().close();
  }
});
