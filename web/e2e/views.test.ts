import type { Locator, Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe('Filters', () => {
  test('an image that is found and chosen is the selected image everywhere', async ({ dashboard }) => {
    await dashboard.view('filters');
    const { page } = dashboard;
    const found = page.getByRole('listbox', { name: 'Images found' });
    await page.getByRole('searchbox', { name: 'Search images' }).fill('#1300');
    // Searching starts when the typing rests.
    await found.focus();
    await found.getByRole('option', { name: /^#1300 / }).waitFor({ state: 'attached' });
    await page.keyboard.press('Enter');
    await dashboard.idle();
    expect(dashboard.urlValue('image')).toBe('1300');
    const chosen = page.getByRole('region', { name: 'Selected image' });
    expect(await chosen.textContent()).toContain('#1300');
    await page.keyboard.press('Escape');
    for (const view of ['confusion', 'clusters', 'compare', 'training']) {
      await dashboard.view(view, { image: '1300' });
      expect(dashboard.urlValue('image')).toBe('1300');
      expect(await page.getByRole('banner').textContent()).toContain('#1300');
    }
  });

  test('a click on an image of the results selects it', async ({ dashboard }) => {
    await dashboard.view('filters');
    const { page } = dashboard;
    const before = dashboard.urlValue('image');
    const list = page.getByRole('listbox', { name: 'Images found' });
    await list.click({ position: { x: 150, y: 50 } });
    await dashboard.idle();
    expect(dashboard.urlValue('image')).toMatch(/^\d+$/);
    expect(dashboard.urlValue('image')).not.toBe(before);
  });

  test('a filter that is clicked is pinned and its history shown', async ({ dashboard }) => {
    await dashboard.view('filters', { layer: 'conv1', filter: 'none' });
    const { page } = dashboard;
    const bank = page.getByRole('listbox', { name: 'Filter bank of conv1' });
    await bank.click({ position: { x: 30, y: 30 } });
    await dashboard.idle();
    expect(dashboard.urlValue('filter')).toMatch(/^\d+$/);
    const name = `History of filter ${dashboard.urlValue('filter')}`;
    expect(await page.getByRole('img', { name }).count()).toBe(1);
  });
});

/** The cells that count images, without recall and precision. */
function countCells(page: Page): Locator {
  return page.getByRole('gridcell').and(page.locator('[data-truth]'));
}

describe('Confusion', () => {
  test('hovering a cell shows its images, a click keeps them', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: '3' });
    const { page } = dashboard;
    const cells = countCells(page);
    const classes = 10;
    expect(await cells.count()).toBe(classes * classes);
    // The fullest cell off the diagonal.
    const counts = (await cells.allTextContents()).map((text) => Number.parseInt(text, 10) || 0);
    const wrong = counts.map((count, at) => (Math.floor(at / classes) === at % classes ? -1 : count));
    const fullest = wrong.indexOf(Math.max(...wrong));
    const cell = cells.nth(fullest);
    await cell.hover();
    await dashboard.idle();
    const panel = page.getByRole('img', { name: /images at every checkpoint/ });
    expect(await panel.count()).toBe(1);
    const images = page.getByText(/most confident first/i);
    await images.waitFor();
    await cell.click();
    await page.mouse.move(5, 5);
    await dashboard.idle();
    expect(await page.getByRole('button', { name: 'unpin' }).count()).toBe(1);
    expect(await cell.getAttribute('aria-selected')).toBe('true');
    // The kept cell stays while the timeline moves.
    await page.getByRole('button', { name: 'Step forward' }).click();
    await dashboard.idle();
    expect(await dashboard.checkpoint()).toBe(4);
    expect(await cell.getAttribute('aria-selected')).toBe('true');
  });

  test('rows sum to the images of their class', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last' });
    const texts = await countCells(dashboard.page).allTextContents();
    const total = texts.reduce((sum, text) => sum + (Number.parseInt(text, 10) || 0), 0);
    expect(total).toBe(250);
  });
});

describe('Clusters', () => {
  test('a cluster opens and closes', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    const { page } = dashboard;
    const cards = page.getByRole('region', { name: /^Cluster \d+:/ });
    expect(await cards.count()).toBe(30);
    const name = cards.first().getByRole('button').first();
    await name.click();
    await dashboard.idle();
    expect(await name.getAttribute('aria-expanded')).toBe('true');
    expect(await page.getByRole('region', { name: /^Cluster \d+ opened/ }).count()).toBe(1);
    await name.click();
    await dashboard.idle();
    expect(await name.getAttribute('aria-expanded')).toBe('false');
  });

  test('clusters keep their cards from checkpoint to checkpoint', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: '5' });
    const cards = dashboard.page.getByRole('region', { name: /^Cluster \d+:/ });
    const numbers = async () =>
      (await cards.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label') ?? ''))).map(
        (label) => /\d+/.exec(label)![0],
      );
    const before = await numbers();
    await dashboard.press('ArrowRight');
    expect(await numbers()).toEqual(before);
  });
});

describe('Compare', () => {
  test('two checkpoints stand side by side', async ({ dashboard }) => {
    await dashboard.view('compare', { checkpoint: '6', 'compare.rows': '3,now' });
    const { page } = dashboard;
    const table = page.getByRole('table', { name: /Checkpoints in rows/ });
    const rows = table.getByRole('row');
    expect(await rows.count()).toBe(3);
    const field = page.getByRole('textbox', { name: 'Add a checkpoint by number' });
    await field.fill('1');
    await field.press('Enter');
    await dashboard.idle();
    expect(await rows.count()).toBe(4);
    const early = table.getByRole('img', { name: /^conv1 at checkpoint 1:/ });
    const now = table.getByRole('img', { name: /^conv1 at checkpoint 6:/ });
    expect(await early.count()).toBe(1);
    expect(await now.count()).toBeGreaterThan(0);
    expect(await pixels(early.locator('canvas'))).not.toEqual(await pixels(now.first().locator('canvas')));
  });
});

/** The pictures of some canvases. */
function pixels(canvases: Locator): Promise<string[]> {
  return canvases.evaluateAll((all) => all.map((one) => (one as HTMLCanvasElement).toDataURL()));
}

describe('the address', () => {
  test('a reload comes back to the same place', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: '7', image: '1260', layer: 'conv2' });
    await dashboard.press('ArrowRight');
    // The address is written after a pause.
    await expect.poll(() => dashboard.urlValue('checkpoint')).toBe('8');
    const address = dashboard.page.url();
    await dashboard.page.reload();
    await dashboard.idle();
    expect(dashboard.page.url()).toBe(address);
    expect(await dashboard.checkpoint()).toBe(8);
    expect(dashboard.urlValue('image')).toBe('1260');
    const current = dashboard.page.getByRole('navigation', { name: 'Views' }).locator('[aria-current=page]');
    expect(await current.textContent()).toContain('Confusion');
  });

  test('back returns to the view before', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: '3' });
    const { page } = dashboard;
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Clusters' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('view')).toBe('clusters');
    await page.goBack();
    await dashboard.idle();
    expect(dashboard.urlValue('view')).toBe('filters');
    expect(await dashboard.checkpoint()).toBe(3);
  });

  test('missing things in it are reported and break nothing', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: '9999' });
    expect(await dashboard.checkpoint()).toBe(await dashboard.last());
    await dashboard.view('filters', { layer: 'nothing' });
    expect(await dashboard.page.getByRole('navigation', { name: 'Network' }).count()).toBe(1);
  });
});
