import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe('a class', () => {
  test('chosen in the matrix holds in the search and the clusters', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last' });
    const { page } = dashboard;
    await page.getByRole('rowheader', { name: 'ring' }).getByRole('button').click();
    await expect.poll(() => dashboard.urlValue('class')).toBe('2');
    await dashboard.expectAccessible();
    await page.getByRole('link', { name: 'Clusters' }).click();
    await dashboard.idle();
    expect(await page.locator('.slot.dim').count()).toBeGreaterThan(0);
    await page.getByRole('link', { name: 'Filters' }).click();
    await dashboard.idle();
    const images = page.getByRole('complementary', { name: 'Images' });
    await expect.poll(() => images.getByRole('status').first().textContent()).toMatch(/^\s*25\s+of/);
    await page.getByRole('button', { name: 'Let the class ring go' }).click();
    await expect.poll(() => images.getByRole('status').first().textContent()).toMatch(/^\s*250\s+of/);
  });
});

describe('the matrix', () => {
  test('is worked by keys alone', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last', 'confusion.cell': '0-1' });
    const { page } = dashboard;
    const cell = page.locator('td[data-truth="0"][data-predicted="1"]');
    await cell.focus();
    await dashboard.press('ArrowDown');
    await dashboard.press('ArrowRight');
    expect(dashboard.urlValue('confusion.cell') ?? '').toBe('1-2');
    await dashboard.press(' ');
    await expect.poll(() => dashboard.urlValue('class')).toBe('1');
    await dashboard.press('Escape');
    await expect.poll(() => dashboard.urlValue('confusion.cell')).toBe(null);
  });

  test('in another order holds the same images', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last' });
    const cells = dashboard.page.getByRole('gridcell').and(dashboard.page.locator('[data-truth]'));
    const labels = async () =>
      (await cells.evaluateAll((all) => all.map((one) => one.getAttribute('aria-label') ?? ''))).sort();
    const before = await labels();
    await dashboard.page.getByRole('group', { name: 'order' }).getByRole('button', { name: 'similar' }).click();
    await dashboard.idle();
    expect(await labels()).toEqual(before);
    expect(dashboard.urlValue('confusion.order')).toBe('similar');
  });
});

describe('export', () => {
  test('pictures, tables and requests', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: '6' });
    const { page } = dashboard;
    await page.getByRole('button', { name: /^Export/ }).click();
    await dashboard.expectAccessible();
    const saved = async (name: string) => {
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name }).click(),
      ]);
      return { name: file.suggestedFilename(), bytes: readFileSync(await file.path()) };
    };
    const png = await saved('Save Confusion matrix as PNG');
    expect(png.name).toBe('small-confusion-matrix-6.png');
    expect(png.bytes.subarray(1, 4).toString()).toBe('PNG');
    expect(png.bytes.length).toBeGreaterThan(5000);
    const svg = await saved('Save Confusion matrix as SVG');
    expect(svg.bytes.toString()).toContain('crescent');
    const csv = await saved('Save Counts as CSV');
    const rows = csv.bytes.toString().trim().split('\r\n');
    expect(rows.length).toBe(11);
    const total = rows
      .slice(1)
      .flatMap((row) => row.split(',').slice(1).map(Number))
      .reduce((sum, one) => sum + one, 0);
    expect(total).toBe(250);
  });

  test('every view offers its numbers as tables', async ({ dashboard }) => {
    for (const view of ['filters', 'confusion', 'clusters', 'compare', 'training', 'image']) {
      await dashboard.view(view, { checkpoint: '6' });
      await dashboard.press('t');
      const tables = dashboard.page.getByRole('complementary', { name: 'Numbers of this view' });
      expect(await tables.getByRole('row').count(), view).toBeGreaterThan(3);
      if (view === 'confusion') await dashboard.expectAccessible();
      await dashboard.press('Escape');
      expect(await tables.count(), view).toBe(0);
    }
  });

  test('the report is one page with the run in it', async ({ dashboard }) => {
    await dashboard.view('report');
    const { page } = dashboard;
    const report = page.getByRole('article', { name: 'Report' });
    expect(await report.textContent()).toContain('1,250 training images');
    expect(await report.locator('figure canvas').count()).toBe(5);
    expect(await report.locator('li canvas').count()).toBeGreaterThan(10);
    await dashboard.expectAccessible();
    await page.emulateMedia({ media: 'print' });
    expect(await page.getByRole('contentinfo', { name: 'Timeline' }).isVisible()).toBe(false);
    await page.emulateMedia({ media: 'screen' });
  });
});

describe('the first minute', () => {
  test('the tour goes round and ends', async ({ dashboard }) => {
    await dashboard.view('training');
    const { page } = dashboard;
    await page.keyboard.press('?');
    await dashboard.expectAccessible();
    await page.getByRole('button', { name: 'Show me around' }).click();
    const tour = page.getByRole('region', { name: 'Tour' });
    for (let stop = 1; stop < 7; stop += 1) {
      await expect.poll(() => tour.textContent()).toContain(`${stop} of 7`);
      await tour.getByRole('button', { name: 'next' }).click();
    }
    // The run is finished: it ends in the story.
    await tour.getByRole('button', { name: 'done' }).click();
    expect(await tour.count()).toBe(0);
    await dashboard.idle();
    expect(dashboard.urlValue('view')).toBe('story');
    expect(await page.getByRole('heading', { name: 'The story of this run' }).count()).toBe(1);
  });
});
