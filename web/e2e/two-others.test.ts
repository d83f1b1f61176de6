// Two runs that have little in common: other images, other classes, another network. What can be compared is, what cannot
// says why in its place.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { deepviz, Server } from './server';

let server: Server;

/** A recipe like `shapes-quick` without its third convolution. */
function shorterRecipe(): string {
  const recipe = readFileSync(join(import.meta.dirname, '../../models/shapes-quick.toml'), 'utf8');
  const [from, to] = ['conv3', 'fc48'].map((name) => recipe.indexOf(`[[layer]]\nname = "${name}"`));
  return recipe.slice(0, from) + recipe.slice(to);
}

function make(folder: string): void {
  const corpus = (name: string, seed: string) =>
    deepviz(folder, 'corpus', 'make', 'shapes', '--out', name, '--images', '600', '--seed', seed);
  const run = (name: string, images: string, recipe = 'shapes-quick') => {
    const out = `others/${name}`;
    deepviz(folder, 'train', recipe, '--corpus', images, '--out', out, '--epochs', '1', '--seed', '1');
    deepviz(folder, 'stats', out);
  };
  corpus('these', '3');
  corpus('elsewhere', '4');
  // The same pixels under another name of a class.
  cpSync(join(folder, 'these'), join(folder, 'renamed'), { recursive: true });
  const about = join(folder, 'renamed', 'corpus.json');
  writeFileSync(about, readFileSync(about, 'utf8').replace('"disc"', '"plate"'));
  writeFileSync(join(folder, 'shorter.toml'), shorterRecipe());
  run('one', 'these');
  run('elsewhere', 'elsewhere');
  run('renamed', 'renamed');
  run('shorter', 'these', 'shorter.toml');
}

beforeAll(async () => {
  make(inject('folder'));
  server = await Server.start(inject('folder'), 'others');
});
afterAll(() => server?.stop());

async function opened(b: string, view: string): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'light', reducedMotion: 'reduce' });
  const dashboard = new Dashboard(await context.newPage(), server.origin, 'one');
  await dashboard.view(view, { 'b.run': b, checkpoint: 'last', image: '510' });
  return dashboard;
}
const said = (page: Page) => page.getByRole('main').textContent();

describe('other images', () => {
  test('Confusion says that predictions cannot be compared, the curves stay', async () => {
    const dashboard = await opened('elsewhere', 'confusion');
    const { page } = dashboard;
    await expect.poll(() => said(page)).toContain('the two runs were measured on other images');
    expect(await said(page)).toContain('curves and layers can still be compared');
    expect(await page.getByRole('button', { name: /again/ }).count()).toBe(0);
    await dashboard.expectAccessible();
    await page.context().close();
  });

  test('the story says why errors cannot be compared, and compares the rest', async () => {
    const dashboard = await opened('elsewhere', 'story');
    const { page } = dashboard;
    const first = page.getByRole('heading', { level: 2 }).first();
    await expect.poll(() => first.textContent()).toContain('the numbers do not say');
    expect(await said(page)).toContain('the two runs were measured on other images');
    await expect
      .poll(() => said(page))
      .toMatch(/find one in B, each the other’s best match|have their like in B/);
    expect(await page.getByRole('alert').count()).toBe(0);
    await dashboard.expectAccessible();
    await page.context().close();
  });

  test('B is no reference for the predictions of A, and says why', async () => {
    const dashboard = await opened('elsewhere', 'filters');
    const { page } = dashboard;
    const one = { 'b.run': 'elsewhere', checkpoint: 'last', image: '510' };
    await dashboard.view('filters', { ...one, 'filters.page': 'one' });
    const legend = page.locator('.rail .said .cap');
    expect(await legend.textContent()).toBe('B: none');
    expect(await legend.getAttribute('title')).toContain('other images');
    expect(await page.locator('.rail .was').count()).toBe(0);
    await dashboard.view('confusion', { ...one, 'confusion.page': 'one', 'confusion.panel': 'moves' });
    await expect.poll(() => page.locator('.beside').textContent()).toContain('B was measured on other images');
    expect(await page.locator('td.recall b').count()).toBe(0);
    dashboard.expectClean();
    await page.context().close();
  });

  test('layers and filters are compared over the images of A; of B there is no card', async () => {
    const dashboard = await opened('elsewhere', 'filters');
    const { page } = dashboard;
    const pairs = page.getByRole('listbox', { name: /^Matched filters of / });
    await pairs.click({ position: { x: 12, y: 60 } });
    await dashboard.idle();
    expect(await page.getByRole('dialog').count()).toBe(0);
    await pairs.click({ position: { x: 12, y: 12 } });
    await expect.poll(() => page.getByRole('dialog').count()).toBe(1);
    dashboard.expectClean();
    await page.context().close();
  });

  test('Image does not ask B about an image that it does not know', async () => {
    const dashboard = await opened('elsewhere', 'image');
    const { page } = dashboard;
    expect(await said(page)).toContain('B was trained on other images');
    expect(await page.getByRole('listbox', { name: /^B, / }).count()).toBe(0);
    dashboard.expectClean();
    await page.context().close();
  });
});

describe('other classes', () => {
  test('Confusion names those that only one of the two knows', async () => {
    const dashboard = await opened('renamed', 'confusion');
    const { page } = dashboard;
    await expect.poll(() => said(page)).toMatch(/only one knows `?disc`?; only renamed knows `?plate`?/);
    await dashboard.expectAccessible();
    await page.context().close();
  });
});

describe('another network', () => {
  test('all of it is compared; every layer of A has one opposite', async () => {
    const dashboard = await opened('shorter', 'confusion');
    const { page } = dashboard;
    await expect.poll(() => page.getByRole('gridcell').and(page.locator('[data-truth]')).count()).toBe(100);
    await dashboard.view('compare', { 'b.run': 'shorter', checkpoint: 'last' });
    await expect.poll(() => page.locator('td.proposed').count()).toBeGreaterThan(3);
    await dashboard.view('image', { 'b.run': 'shorter', checkpoint: 'last', image: '510' });
    await expect.poll(() => page.getByRole('listbox', { name: /^B, / }).count()).toBe(5);
    await dashboard.expectAccessible();
    dashboard.expectClean();
    await page.context().close();
  });
});
