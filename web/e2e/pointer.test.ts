// Presses, drags and second clicks that once did something else than a newcomer would expect.
import { readFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe('the pointer', () => {
  test('a word chooses a layer in Compare, and the menu stays', async ({ dashboard }) => {
    await dashboard.view('compare');
    const { page } = dashboard;
    await page.locator('summary').click();
    const menu = page.getByRole('group', { name: 'Layers' });
    const label = menu.locator('label').last();
    const box = label.getByRole('checkbox');
    const was = await box.isChecked();
    // On the word, not on the box.
    const room = (await label.boundingBox())!;
    await page.mouse.click(room.x + room.width - 12, room.y + room.height / 2);
    await dashboard.idle();
    expect(await box.isChecked()).toBe(!was);
    expect(await menu.isVisible()).toBe(true);
  });

  test('a click on another cell moves the pin, and the keys stay with the timeline', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last' });
    const { page } = dashboard;
    const cell = (truth: number, predicted: number) =>
      page.locator(`td[data-truth="${truth}"][data-predicted="${predicted}"]`);
    await cell(1, 1).click();
    await dashboard.idle();
    expect(dashboard.urlValue('confusion.cell')).toBe('1-1');
    await cell(1, 2).click();
    await dashboard.idle();
    expect(dashboard.urlValue('confusion.cell')).toBe('1-2');
    const last = await dashboard.checkpoint();
    await dashboard.press('ArrowLeft');
    expect(await dashboard.checkpoint()).toBe(last - 1);
    expect(dashboard.urlValue('confusion.cell')).toBe('1-2');
    await cell(1, 2).click();
    await dashboard.idle();
    expect(dashboard.urlValue('confusion.cell')).toBeNull();
  });

  test('the cell that was pointed at is in the address, and its history is scrubbed', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last' });
    const { page } = dashboard;
    await page.locator('td[data-truth="2"][data-predicted="3"]').hover();
    await expect.poll(() => dashboard.urlValue('confusion.at')).toBe('2-3');
    await dashboard.idle();
    const chart = page.getByRole('img', { name: /images at every checkpoint$/ });
    const room = (await chart.boundingBox())!;
    await page.mouse.click(room.x + 1, room.y + room.height / 2);
    await dashboard.idle();
    expect(await dashboard.checkpoint()).toBe(0);
  });

  test('the reference is dragged by its handle', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', before: '0' });
    const { page } = dashboard;
    const handle = (await page.locator('.track .before path').boundingBox())!;
    const y = handle.y + handle.height / 2;
    const now = await dashboard.checkpoint();
    await page.mouse.move(handle.x + handle.width / 2, y);
    await page.mouse.down();
    await page.mouse.move(handle.x + 120, y, { steps: 4 });
    await page.mouse.up();
    await dashboard.idle();
    expect(await dashboard.checkpoint()).toBe(now);
    await expect.poll(() => Number(dashboard.urlValue('before'))).toBeGreaterThan(0);
  });

  test('Esc empties the search', async ({ dashboard }) => {
    await dashboard.view('filters');
    const { page } = dashboard;
    await dashboard.press('/');
    const field = page.getByRole('searchbox');
    await expect.poll(() => field.evaluate((node) => node === document.activeElement)).toBe(true);
    await page.keyboard.type('zzz');
    await expect.poll(() => dashboard.urlValue('search')).toBe('zzz');
    await dashboard.press('Escape');
    await expect.poll(() => dashboard.urlValue('search')).toBeNull();
    expect(await field.inputValue()).toBe('');
  });

  test('a saved matrix has its scale, its bars and its name', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last' });
    const { page } = dashboard;
    await page.getByRole('button', { name: /^Export/ }).click();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save Confusion matrix as SVG' }).click(),
    ]);
    const text = await readFile(await file.path(), 'utf8');
    expect(text).toContain('<linearGradient');
    expect(text).toMatch(/Confusion matrix {2}· {2}checkpoint \d+</);
    expect(text).not.toMatch(/NaN|undefined/);
  });
});
