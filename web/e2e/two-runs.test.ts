// Two runs on one screen: the timeline of two, errors, layers and filters compared, and back to one.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { deepviz, Server } from './server';

let server: Server;

beforeAll(async () => {
  const [folder, runs] = [inject('folder'), join(inject('folder'), 'two')];
  cpSync(join(folder, inject('run')), join(runs, 'one'), { recursive: true });
  deepviz(
    folder,
    ...['train', 'shapes-quick', '--corpus', 'shapes', '--out', 'two/other'],
    ...['--epochs', '2', '--seed', '8'],
  );
  deepviz(folder, 'stats', 'two/other');
  server = await Server.start(folder, 'two');
});
afterAll(() => server?.stop());

async function opened(view: string, more: Record<string, string> = {}, width = 1280): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: { width, height: 800 }, colorScheme: 'dark', reducedMotion: 'reduce' });
  const dashboard = new Dashboard(await context.newPage(), server.origin, 'one');
  await dashboard.view(view, { 'b.run': 'other', ...more });
  return dashboard;
}
async function closed(dashboard: Dashboard): Promise<void> {
  dashboard.expectClean();
  await dashboard.page.context().close();
}
const second = (page: Page) => page.getByRole('slider', { name: 'Checkpoint of B' });
const cells = (page: Page) => page.getByRole('gridcell').and(page.locator('[data-truth]'));
const numberOf = (text: string) => Number(text.replace('−', '-').replace('±', '').replace('·', '0')) || 0;

describe('the timeline of two', () => {
  test('B follows the clock, is pinned by hand, and goes', async () => {
    const dashboard = await opened('confusion', { checkpoint: '0' });
    const { page } = dashboard;
    await expect.poll(() => second(page).getAttribute('aria-valuenow')).toBe('0');
    await page.getByRole('slider', { name: 'Checkpoint', exact: true }).focus();
    await dashboard.press('End');
    await expect.poll(() => second(page).getAttribute('aria-valuenow')).not.toBe('0');
    const last = await second(page).getAttribute('aria-valuenow');
    await second(page).focus();
    await dashboard.press('ArrowLeft');
    await expect.poll(() => dashboard.urlValue('b.checkpoint')).toBe(String(Number(last) - 1));
    await page.getByRole('button', { name: 'unpin B' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('b.checkpoint')).toBeNull();
    // Two finished runs of other lengths are aligned by the fraction of their training.
    for (const clock of ['step', 'images', 'epoch', 'error']) {
      await page.getByRole('combobox', { name: 'Align the two runs by' }).first().selectOption(clock);
      await dashboard.idle();
      expect(dashboard.urlValue('clock')).toBe(clock);
    }
    const table = page.getByRole('table', { name: 'The checkpoint of A beside that of B' });
    expect(await table.textContent()).toContain('A − B');
    await dashboard.expectAccessible();
    await page.locator('button.run').click();
    await page.getByRole('button', { name: /^remove/ }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('b.run')).toBeNull();
    expect(await second(page).count()).toBe(0);
    await closed(dashboard);
  });

  test('B is chosen from the list of runs', async () => {
    const dashboard = await opened('training', { 'b.run': '' });
    const { page } = dashboard;
    expect(await second(page).count()).toBe(0);
    await page.locator('button.run').click();
    await page.getByRole('button', { name: 'Compare with', exact: false }).last().click();
    await dashboard.idle();
    await expect.poll(() => second(page).count()).toBe(1);
    await closed(dashboard);
  });
});

describe('Confusion of two', () => {
  test('A, B and their difference; colour only where it is more than noise', async () => {
    const dashboard = await opened('confusion', { checkpoint: 'last' });
    const { page } = dashboard;
    const read = async () => (await cells(page).allTextContents()).map(numberOf);
    const difference = await read();
    for (let row = 0; row < 10; row += 1)
      expect(difference.slice(row * 10, row * 10 + 10).reduce((sum, value) => sum + value, 0)).toBe(0);
    const states = await cells(page).evaluateAll((all) =>
      all.map((one) => [one.classList.contains('plain'), one.getAttribute('aria-label') ?? '']),
    );
    for (const [isPlain, label] of states) expect(isPlain).toBe(!String(label).includes('more than noise'));
    const show = page.getByRole('group', { name: 'show' });
    await show.getByRole('button', { name: 'A', exact: true }).click();
    const a = await read();
    await show.getByRole('button', { name: 'B', exact: true }).click();
    const b = await read();
    expect(a.map((value, at) => value - b[at])).toEqual(difference);
    await dashboard.expectAccessible();
    await closed(dashboard);
  });

  test('a cell shows its images by keyboard, Escape hides them', async () => {
    const dashboard = await opened('confusion', { checkpoint: 'last' });
    const { page } = dashboard;
    await cells(page).first().focus();
    await dashboard.press('ArrowRight');
    await dashboard.press('Enter');
    expect(dashboard.urlValue('confusion.two')).toBe('0-1');
    expect(await page.getByRole('region', { name: 'In the cell of A only' }).count()).toBe(1);
    await dashboard.press('Escape');
    expect(dashboard.urlValue('confusion.two')).toBeNull();
    expect(await page.getByRole('region', { name: 'A right, B wrong' }).count()).toBe(1);
    await closed(dashboard);
  });

  test('a run beside itself differs in nothing', async () => {
    const dashboard = await opened('confusion', { checkpoint: 'last', 'b.run': 'one' });
    const { page } = dashboard;
    expect([...new Set(await cells(page).allTextContents())]).toEqual(['·']);
    expect(await page.getByRole('main').textContent()).toContain('both are right on the same images');
    await closed(dashboard);
  });
});

describe('layers and filters of two', () => {
  test('a run beside itself: layers and filters find themselves', async () => {
    const dashboard = await opened('compare', { checkpoint: 'last', 'b.run': 'one' });
    const { page } = dashboard;
    const chosen = page.locator('td.proposed');
    expect([...new Set(await chosen.allTextContents())]).toEqual(['1.00']);
    await dashboard.expectAccessible();
    await chosen.first().focus();
    await dashboard.press('Enter');
    await expect.poll(() => dashboard.urlValue('view')).toBe('filters');
    const pairs = page.getByRole('listbox', { name: /^Matched filters of / });
    await pairs.focus();
    expect(await pairs.getByRole('option').textContent()).toMatch(/A (\d+), B \1, each other’s best.*1\.00/);
    await dashboard.expectAccessible();
    await closed(dashboard);
  });

  test('two seeds: the layer of B is chosen, the address keeps it', async () => {
    const dashboard = await opened('filters', { checkpoint: 'last' });
    const { page } = dashboard;
    const of = page.getByRole('combobox', { name: 'Layer of B' });
    const names = await of.locator('option').allTextContents();
    await of.selectOption(names[names.length - 1]);
    await dashboard.idle();
    expect(dashboard.urlValue('b.layer')).toBe(names[names.length - 1]);
    await page.getByRole('button', { name: 'A alone' }).click();
    await dashboard.idle();
    expect(await page.getByRole('navigation', { name: 'Network' }).count()).toBe(1);
    await closed(dashboard);
  });

  test('filters of deep layers opposite each other over the image', async () => {
    const dashboard = await opened('filters', { checkpoint: 'last', layer: 'conv2', 'b.layer': 'conv2' });
    const { page } = dashboard;
    const pairs = page.getByRole('listbox', { name: /^Matched filters of conv2/ });
    const isColoured = () =>
      pairs.locator('canvas').evaluate((canvas: HTMLCanvasElement) => {
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        // The numbers below are grey, but for what their edges are rounded to.
        return data.some((byte, i) => i % 4 === 0 && data[i + 3] === 255 && Math.abs(byte - data[i + 1]) > 20);
      });
    await pairs.waitFor();
    expect(await isColoured()).toBe(false);
    await page
      .getByRole('group', { name: 'shown by' })
      .getByRole('button', { name: 'weights over image' })
      .click();
    await page.getByText('their weights over the image').waitFor();
    await expect.poll(isColoured).toBe(true);
    await dashboard.expectAccessible();
    await dashboard.press('s');
    await page.getByText('activations for the selected image').waitFor();
    await expect.poll(isColoured).toBe(false);
    await closed(dashboard);
  });

  test('Training and Image show B, too', async () => {
    const dashboard = await opened('training', { checkpoint: 'last' });
    const { page } = dashboard;
    expect(await page.getByRole('main').textContent()).toContain('test, B');
    await dashboard.view('image', { checkpoint: 'last', 'b.run': 'other' });
    await expect.poll(() => page.getByRole('img', { name: /at every checkpoint of B/ }).count()).toBe(1);
    // Under the maps of each layer those of B, in the places of the filters that they match.
    const maps = page.getByRole('listbox', { name: /^B, conv2: activation maps.*matched filters/ });
    await maps.focus();
    await dashboard.press('End');
    await dashboard.press('ArrowLeft');
    expect(await maps.getByRole('option').textContent()).toMatch(/matches A \d+/);
    expect(await page.getByRole('listbox', { name: 'B, fc10: 10 values' }).count()).toBe(1);
    await dashboard.expectAccessible();
    await closed(dashboard);
  });

  test('Image keeps working while B becomes another run, and while the two swap', async () => {
    const dashboard = await opened('image', { checkpoint: 'last', image: '1200' });
    const { page } = dashboard;
    const ofB = page.getByRole('img', { name: /at every checkpoint of B/ });
    await expect.poll(() => ofB.count()).toBe(1);
    for (const run of ['one', 'other', 'one', 'other']) {
      await page.evaluate((b) => {
        location.hash = location.hash.replace(/b\.run=[^&]*/, `b.run=${b}`);
      }, run);
      await dashboard.idle();
      await expect.poll(() => ofB.count()).toBe(1);
    }
    for (let n = 0; n < 3; n += 1) {
      await dashboard.press('x');
      await expect.poll(() => ofB.count()).toBe(1);
    }
    await closed(dashboard);
  });

  test('Clusters: a run beside itself has all images of a cluster in the same one', async () => {
    const dashboard = await opened('clusters', { checkpoint: 'last', 'b.run': 'one' });
    const { page } = dashboard;
    const panel = page.getByRole('region', { name: 'Clusters of two runs' });
    await expect.poll(() => panel.textContent()).toContain('1.00 by the adjusted Rand index');
    await page.getByRole('listbox', { name: 'Clusters of A' }).focus();
    await dashboard.press('ArrowDown');
    expect(dashboard.urlValue('clusters.two')).toMatch(/^a-\d+$/);
    expect(await panel.textContent()).toMatch(/100 % of it and\s+100 % of the other/);
    await dashboard.expectAccessible();
    await panel.getByRole('button', { name: /^B / }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('clusters.two')).toMatch(/^b-\d+$/);
    await page.getByRole('listbox', { name: 'Clusters of B' }).focus();
    await dashboard.press('Escape');
    expect(dashboard.urlValue('clusters.two')).toBeNull();
    await closed(dashboard);
  });

  test('on a phone nothing is wider than the page', async () => {
    for (const view of ['confusion', 'compare', 'filters', 'clusters']) {
      const dashboard = await opened(view, { checkpoint: 'last' }, 390);
      const { page } = dashboard;
      expect(await page.evaluate(() => document.documentElement.scrollWidth), view).toBeLessThanOrEqual(390);
      await dashboard.expectAccessible();
      await closed(dashboard);
    }
  });
});

describe('the card of a matched filter', () => {
  test('of A and of B, by pointer: it opens at rest, a click keeps it, one more lets it go', async () => {
    const dashboard = await opened('filters', { checkpoint: 'last' });
    const { page } = dashboard;
    const pairs = page.getByRole('listbox', { name: /^Matched filters of / });
    const card = page.getByRole('dialog');
    const [x, side] = [12, 12];
    await pairs.hover({ position: { x, y: side } });
    await card.waitFor();
    await dashboard.idle();
    expect(await card.getAttribute('aria-label')).toMatch(/^conv1 filter \d+$/);
    // The filter of B is the lower half of the pair.
    const below = 60;
    await pairs.click({ position: { x, y: below } });
    await expect.poll(() => card.getAttribute('aria-label')).toMatch(/^B: conv1 filter \d+$/);
    await dashboard.idle();
    expect(await card.getByRole('list', { name: 'Top images' }).first().getByRole('listitem').count()).toBe(9);
    expect(await card.getByRole('link', { name: 'open B' }).getAttribute('href')).toContain('run=other');
    expect(await card.getByRole('switch').count()).toBe(0);
    await dashboard.expectAccessible();
    await pairs.click({ position: { x, y: below } });
    await expect.poll(() => card.count()).toBe(0);
    await dashboard.idle();
    expect(dashboard.urlValue('filter')).toBe('none');
    await closed(dashboard);
  });

  test('by keyboard: down from A is B, Enter keeps the card, Escape gives the focus back', async () => {
    const dashboard = await opened('filters', { checkpoint: 'last' });
    const { page } = dashboard;
    const pairs = page.getByRole('listbox', { name: /^Matched filters of / });
    const card = page.getByRole('dialog');
    await pairs.focus();
    await dashboard.press('ArrowRight');
    await expect.poll(() => card.getAttribute('aria-label')).toMatch(/^conv1 filter /);
    expect(await pairs.getByRole('option').textContent()).toMatch(/^A of .*, 2 of /);
    await dashboard.press('ArrowDown');
    await expect.poll(() => card.getAttribute('aria-label')).toMatch(/^B: conv1 filter /);
    await dashboard.press('Enter');
    await expect.poll(() => card.evaluate((node) => node.contains(document.activeElement))).toBe(true);
    await dashboard.press('Escape');
    expect(await card.count()).toBe(0);
    expect(await pairs.evaluate((node) => node === document.activeElement)).toBe(true);
    await closed(dashboard);
  });
});
