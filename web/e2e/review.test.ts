// The review of possible label errors: verdicts by mouse, keyboard and touch, kept beside the run, exported whole.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, inject } from 'vitest';
import type { Page } from 'playwright-core';
import { Dashboard, launched, test } from './dashboard';

interface Issues {
  total: number;
  items: { id: number; label: number; predicted: number; score: number; path: string }[];
}
interface SavedReview {
  verdicts: { image: number; verdict: string; suggestion: string }[];
}

const read = <T>(page: Page, path: string): Promise<T> =>
  page.evaluate(async (url) => (await (await fetch(url)).json()) as never, path);
const issuesOf = (page: Page, run: string) =>
  read<Issues>(page, `api/runs/${run}/suspects?split=test&limit=1000`);
const open = (dashboard: Dashboard, more: Record<string, string> = {}) =>
  dashboard.view('confusion', { checkpoint: 'last', 'confusion.page': 'review', ...more });
/** What the file beside the run holds. */
const savedReview = (): SavedReview =>
  JSON.parse(readFileSync(join(inject('folder'), `${inject('run')}.review.json`), 'utf8')) as SavedReview;
const options = (page: Page) =>
  page.getByRole('listbox', { name: /^Possible label errors/ }).getByRole('option');
const selected = (page: Page) =>
  options(page).evaluateAll((all) => all.findIndex((one) => one.ariaSelected === 'true'));

describe('Review of label errors', () => {
  // Every test begins without verdicts.
  afterEach(async () => {
    const base = `${inject('address')}/api/runs/${inject('run')}/review`;
    const { items } = (await (await fetch(base)).json()) as { items: { id: number }[] };
    for (const { id } of items) await fetch(`${base}/${id}`, { method: 'DELETE' });
  });

  test('goes from the matrix to verdicts by keys, with undo', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last' });
    const { page } = dashboard;
    await page.getByRole('group', { name: 'picture' }).getByRole('button', { name: 'label errors' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('confusion.page')).toBe('review');
    const { items, total } = await issuesOf(page, dashboard.run);
    expect(total).toBeGreaterThan(5);
    const shown = Math.min(40, total);
    expect(await options(page).count()).toBe(shown);
    expect(await page.locator('.vbar .meta').textContent()).toMatch(new RegExp(`${shown}\\s+of\\s+${total}`));
    // No figure before the first verdict.
    expect(await page.locator('.measure').textContent()).not.toContain('%\u00a0');
    expect(await page.locator('.measure b').textContent()).toBe('');
    expect(await selected(page)).toBe(0);
    for (const [key, at] of [
      ['1', 1],
      ['2', 2],
      ['3', 3],
      ['1', 4],
    ] as const) {
      await dashboard.press(key);
      expect(await selected(page)).toBe(at);
    }
    expect(dashboard.urlValue('view')).toBe('confusion');
    await expect.poll(() => savedReview().verdicts.length).toBe(4);
    const classes = (await read<{ classes: string[] }>(page, `api/runs/${dashboard.run}`)).classes;
    const first = savedReview().verdicts.find((one) => one.image === items[0].id);
    expect(first).toMatchObject({ verdict: 'wrong', suggestion: classes[items[0].predicted] });
    expect(await page.locator('.measure b').textContent()).toBe('67 %'.replace(' ', ' '));
    expect(await page.locator('.measure').textContent()).toMatch(/2 wrong, 1 right, 1 unclear/);
    expect(await page.locator('.measure').textContent()).toMatch(/95 % interval 21 to 94/);
    await dashboard.press('z');
    expect(await selected(page)).toBe(3);
    await dashboard.press('z');
    expect(await selected(page)).toBe(2);
    await expect.poll(() => savedReview().verdicts.length).toBe(2);
    expect(await page.locator('.measure').textContent()).toMatch(/1 wrong, 1 right, 0 unclear/);
    for (const [key, at] of [
      ['ArrowUp', 1],
      ['k', 0],
      ['j', 1],
      ['ArrowDown', 2],
    ] as const) {
      await dashboard.press(key);
      expect(await selected(page)).toBe(at);
    }
    // Verdicts and the position are restored after a reload.
    await page.reload();
    await dashboard.idle();
    expect(await selected(page)).toBe(2);
    expect(await page.locator('.measure').textContent()).toMatch(/1 wrong, 1 right, 0 unclear/);
    await dashboard.expectAccessible();
  });

  test('takes verdicts by mouse, and shows evidence for each image', async ({ dashboard }) => {
    await open(dashboard);
    const { page } = dashboard;
    const { items } = await issuesOf(page, dashboard.run);
    await options(page).nth(2).click();
    await dashboard.idle();
    expect(dashboard.urlValue('image')).toBe(String(items[2].id));
    const evidence = page.locator('.evidence');
    expect(await evidence.textContent()).toContain(items[2].score.toFixed(3));
    expect(await evidence.textContent()).toContain(items[2].path);
    expect(await page.getByRole('img', { name: /^Probabilities of/ }).count()).toBe(1);
    const pictures = evidence.getByRole('button', { name: /^Open image \d+, / });
    expect(await pictures.count()).toBeGreaterThan(3);
    const wrong = page.getByRole('button', { name: /^wrong/ });
    const box = await wrong.boundingBox();
    expect(Math.round(box!.height)).toBe(44);
    await wrong.click();
    await dashboard.idle();
    expect(await selected(page)).toBe(3);
    await expect.poll(() => savedReview().verdicts.map((one) => one.image)).toEqual([items[2].id]);
    await page.getByRole('button', { name: /^undo/ }).click();
    await dashboard.idle();
    expect(await selected(page)).toBe(2);
    await expect.poll(() => savedReview().verdicts).toEqual([]);
    await pictures.first().click();
    await dashboard.idle();
    expect(dashboard.urlValue('view')).toBe('image');
  });

  test('hands all of them over in two clicks', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last' });
    const { page } = dashboard;
    const { items, total } = await issuesOf(page, dashboard.run);
    await page.getByRole('group', { name: 'picture' }).getByRole('button', { name: 'label errors' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Export all as CSV' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe(`${dashboard.run}-label-errors-test.csv`);
    const lines = readFileSync(await download.path(), 'utf8')
      .trimEnd()
      .split('\r\n');
    expect(lines.length).toBe(total + 1);
    expect(lines[0]).toMatch(/^split,path,label,suggestion,score,verdict,link/);
    // The link opens the image.
    const link = /http[^,]*/.exec(lines[3])![0];
    await dashboard.open(link.slice(dashboard.address.length));
    expect(await selected(page)).toBe(2);
    expect(dashboard.urlValue('image')).toBe(String(items[2].id));
  });

  test('is narrowed to the pinned cell, and widened again', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last' });
    const { page } = dashboard;
    const { items, total } = await issuesOf(page, dashboard.run);
    const { label, predicted } = items[0];
    const ofCell = items.filter((one) => one.label === label && one.predicted === predicted);
    const pinned = { checkpoint: 'last', 'confusion.cell': `${label}-${predicted}` };
    await dashboard.view('confusion', pinned);
    await page.locator('.side .title').getByRole('button', { name: 'label errors' }).click();
    await dashboard.idle();
    await expect.poll(() => options(page).count()).toBe(Math.min(40, ofCell.length));
    expect(await page.locator('.vbar .meta').textContent()).toContain('of this cell');
    // A link holds it.
    await page.reload();
    await dashboard.idle();
    expect(await options(page).count()).toBe(Math.min(40, ofCell.length));
    expect(dashboard.urlValue('image')).toBe(String(ofCell[0].id));
    await dashboard.expectAccessible();
    // By keyboard: the chip lets it go.
    const filter = page.getByRole('button', { name: /: show all cells$/ });
    await filter.focus();
    await dashboard.press('Enter');
    await expect.poll(() => options(page).count()).toBe(Math.min(40, total));
    expect(dashboard.urlValue('confusion.cell')).toBeNull();
    expect(await filter.count()).toBe(0);
    // The short list beside the matrix obeys it too.
    await dashboard.view('confusion', { ...pinned, 'confusion.panel': 'suspects' });
    const rows = page.getByRole('group', { name: 'Possible label errors' }).locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(Math.min(50, ofCell.length));
    await page.getByRole('button', { name: /: show all cells$/ }).click();
    await expect.poll(() => rows.count()).toBe(Math.min(50, total));
  });

  test('shows more on demand, and the list as a table', async ({ dashboard }) => {
    await open(dashboard, { 'confusion.cut': '3' });
    const { page } = dashboard;
    const { total } = await issuesOf(page, dashboard.run);
    expect(await options(page).count()).toBe(3);
    await page.getByRole('button', { name: /more$/ }).click();
    await dashboard.idle();
    expect(await options(page).count()).toBe(Math.min(43, total));
    await dashboard.press('t');
    const tables = page.getByRole('complementary', { name: 'Numbers of this view' });
    expect(await tables.getByRole('row').count()).toBe(Math.min(43, total) + 1);
    await dashboard.expectAccessible();
  });

  test('says that a verdict was not kept', async ({ dashboard }) => {
    await open(dashboard);
    const { page } = dashboard;
    await page.route('**/review/*', (route) =>
      route.fulfill({
        status: 403,
        contentType: 'application/problem+json',
        body: JSON.stringify({
          title: 'The request is refused',
          status: 403,
          detail: 'verdicts cannot be kept: the folder is read-only',
        }),
      }),
    );
    await dashboard.press('1');
    const alert = page.getByRole('alert');
    await expect.poll(() => alert.textContent()).toContain('verdicts cannot be kept: the folder is read-only');
    expect(await page.locator('.measure').textContent()).toContain('no verdicts yet');
    dashboard.expected(/403/);
  });

  test('takes verdicts by touch on a narrow page', async () => {
    const context = await (
      await launched()
    ).newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    const dashboard = new Dashboard(await context.newPage());
    const { page } = dashboard;
    await open(dashboard);
    const right = page.getByRole('button', { name: /^right/ });
    const box = await right.boundingBox();
    expect(Math.round(box!.height)).toBe(44);
    await right.tap();
    await dashboard.idle();
    expect(await selected(page)).toBe(1);
    await expect.poll(() => savedReview().verdicts.map((one) => one.verdict)).toEqual(['right']);
    await context.close();
    dashboard.expectClean();
  });

  test('lists near-duplicates across the splits', async ({ dashboard }) => {
    await open(dashboard);
    const { page } = dashboard;
    await page.getByRole('group', { name: 'list' }).getByRole('button', { name: 'near-duplicates' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('confusion.list')).toBe('duplicates');
    const found = await read<{ total: number; items: { test: { id: number } }[] }>(
      page,
      `api/runs/${dashboard.run}/duplicates`,
    );
    expect(await page.locator('.duplicates').textContent()).toContain(`${found.total} near-duplicates`);
    await dashboard.expectAccessible();
  });
});
