// Units switched off: by the card's switch and by key, what every view then says, and switching them on again.
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { test } from './dashboard';

const bar = (page: Page) => page.locator('.offbar');
const cells = (page: Page) => page.getByRole('gridcell').and(page.locator('[data-truth]'));

describe('by key', () => {
  test('O switches the pinned unit off and on, Escape restores, the link holds it', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'fc48', filter: '3', image: '1250' });
    const { page } = dashboard;
    const before = await page.getByRole('img', { name: /^Predicted classes/ }).boundingBox();
    await dashboard.press('o');
    await expect.poll(() => dashboard.urlValue('off')).toBe('fc48:3');
    expect(page.url()).toContain('off=fc48:3');
    await expect.poll(() => bar(page).textContent()).toMatch(/unit 3 of fc48 is off.*test error.*instead of/s);
    await dashboard.idle();
    // Nothing else changes its place.
    expect(await page.getByRole('img', { name: /^Predicted classes/ }).boundingBox()).toEqual(before);
    expect(await page.getByRole('complementary', { name: 'Images' }).textContent()).toContain('all on');
    await dashboard.expectAccessible();
    // One more layer: several are off, in the form of the REST interface.
    await page.keyboard.press(']');
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv1', filter: '2', off: 'fc48:3' });
    await dashboard.press('o');
    await expect.poll(() => dashboard.urlValue('off')).toBe('fc48:3;conv1:2');
    await expect.poll(() => bar(page).textContent()).toContain('fc48 3, conv1 2 are off');
    await dashboard.press('Escape');
    await expect.poll(() => dashboard.urlValue('off')).toBeNull();
    expect(await bar(page).count()).toBe(0);
    expect(dashboard.urlValue('filter')).toBe('2');
  });

  test('without a pin it blinks between off and on', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last', off: 'fc48:3' });
    await dashboard.press('o');
    await expect.poll(() => dashboard.urlValue('off')).toBeNull();
    await dashboard.press('o');
    await expect.poll(() => dashboard.urlValue('off')).toBe('fc48:3');
  });
});

describe('on the card', () => {
  test('a switch, which is amber while the unit is off', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv2', filter: 'none' });
    const { page } = dashboard;
    await page.getByRole('listbox', { name: 'Filter bank of conv2' }).click({ position: { x: 40, y: 40 } });
    const card = page.getByRole('dialog');
    const own = card.getByRole('switch', { name: /^Filter \d+ of conv2 is on$/ });
    expect(await own.getAttribute('aria-checked')).toBe('true');
    await own.click();
    await expect.poll(() => own.getAttribute('aria-checked')).toBe('false');
    await expect.poll(() => dashboard.urlValue('off') === `conv2:${dashboard.urlValue('filter')}`).toBe(true);
    await dashboard.idle();
    await dashboard.expectAccessible();
    // By keyboard, on again; the same state stands under the pinned filter.
    await own.focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => own.getAttribute('aria-checked')).toBe('true');
    await page.keyboard.press('Escape');
    expect(await card.count()).toBe(0);
    const pinned = page.getByRole('region', { name: 'Pinned filter' }).getByRole('switch');
    await pinned.click();
    await expect.poll(() => dashboard.urlValue('off')).toMatch(/^conv2:\d+$/);
    await bar(page)
      .getByRole('button', { name: /^Switch on/ })
      .click();
    await expect.poll(() => dashboard.urlValue('off')).toBeNull();
    // Outputs of classes cannot be switched off.
    await dashboard.view('filters', { checkpoint: 'last', layer: 'fc10', filter: '1' });
    expect(await page.getByRole('switch').count()).toBe(0);
  });
});

describe('Confusion', () => {
  test('differences only, in the places of the counts', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last' });
    const { page } = dashboard;
    const at = await cells(page).nth(37).boundingBox();
    await dashboard.view('confusion', { checkpoint: 'last', off: 'fc48:0-23' });
    await page.getByRole('grid', { name: /^Change of the confusion matrix/ }).waitFor();
    expect(await cells(page).nth(37).boundingBox()).toEqual(at);
    const texts = await cells(page).allTextContents();
    expect(texts).toHaveLength(100);
    for (const text of texts) expect(text.trim()).toMatch(/^([+−]\d+|·)$/);
    // What a row loses in one cell it gains in others.
    const value = (text: string) =>
      text.trim() === '·' ? 0 : Number(text.trim().replace('−', '-').replace('+', ''));
    for (let row = 0; row < 10; row += 1)
      expect(texts.slice(row * 10, row * 10 + 10).reduce((sum, text) => sum + value(text), 0)).toBe(0);
    await dashboard.expectAccessible();
    // Arrows move in it; the table twin has the same numbers.
    await cells(page).first().focus();
    await dashboard.press('ArrowDown');
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-truth'))).toBe('1');
    await dashboard.press('t');
    await page.getByRole('complementary', { name: 'Numbers of this view' }).waitFor();
    await page.getByRole('button', { name: /^Change without fc48 0, / }).waitFor();
  });
});

describe('whose loss costs a class most', () => {
  test('ten units of a layer, a click tries one', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last' });
    const { page } = dashboard;
    await page.getByRole('button', { name: 'ablation' }).click();
    const panel = page.getByRole('region', { name: /^Whose loss costs .+ most$/ });
    const rows = panel.getByRole('listitem').getByRole('button');
    await expect.poll(() => rows.count()).toBe(10);
    await dashboard.expectAccessible();
    // By keyboard: it is tried, and on again.
    await rows.nth(1).focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => dashboard.urlValue('off')).toMatch(/^fc48:\d+$/);
    await dashboard.idle();
    expect(await rows.nth(1).getAttribute('aria-pressed')).toBe('true');
    await page.getByRole('grid', { name: /^Change of the confusion matrix/ }).waitFor();
    await rows.nth(1).click();
    await expect.poll(() => dashboard.urlValue('off')).toBeNull();
    // Of another class: that of the cell.
    const name = await panel.getAttribute('aria-label');
    await cells(page).nth(0).focus();
    await dashboard.press('ArrowDown');
    await dashboard.press('ArrowDown');
    const later = await page.getByRole('region', { name: /^Whose loss costs/ }).getAttribute('aria-label');
    await dashboard.press('ArrowDown');
    expect(new Set([name, later, await panel.getAttribute('aria-label')]).size).toBeGreaterThan(1);
    await panel.getByRole('button', { name: 'its mean' }).click();
    await expect.poll(() => dashboard.urlValue('ablation.to')).toBe('mean');
    await panel.getByRole('button', { name: 'conv1' }).click();
    await expect.poll(() => rows.first().textContent()).toContain('filter');
    expect(dashboard.urlValue('ablation.layer')).toBe('conv1');
  });
});
