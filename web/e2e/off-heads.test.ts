// Units switched off: every view says so without covering or moving anything.
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { test } from './dashboard';

const VIEWS: [view: string, more?: Record<string, string>][] = [
  ['story'],
  ['filters'],
  ['confusion'],
  ['confusion', { 'confusion.page': 'review' }],
  ['clusters'],
  ['compare'],
  ['training'],
  ['training', { 'training.page': 'units' }],
  ['image', { image: '1250' }],
  ['image', { image: '1250', 'image.page': 'why' }],
  ['report'],
];

/** Where the parts of the page are, but for the head and what says that something is off. */
const places = (page: Page) =>
  page.evaluate(() => {
    const own = '.link, .vbar, .vbar *, .offbar, .offbar *, header, header *, canvas, svg *, .tip';
    return [...document.querySelectorAll('main > section *, main > article *, main > .filters *')]
      .filter((one) => !one.matches(own) && one.checkVisibility())
      .slice(0, 400)
      .map((one) => {
        const { x, y, width } = one.getBoundingClientRect();
        return `${one.tagName}.${String(one.className)} ${Math.round(x)} ${Math.round(y)} ${Math.round(width)}`;
      });
  });

/** Pairs of neighbours in the head that lie over each other, and what is past the window's edge. */
const overlaps = (page: Page) =>
  page.evaluate(() => {
    const bar = document.querySelector('.offbar')!;
    const box = bar.getBoundingClientRect();
    const others = [...bar.parentElement!.children].filter((one) => one !== bar && one.checkVisibility());
    const over = others.filter((one) => {
      const { left, right, top, bottom } = one.getBoundingClientRect();
      return (
        right - left > 1 &&
        right > box.left + 1 &&
        left < box.right - 1 &&
        bottom > box.top + 1 &&
        top < box.bottom - 1
      );
    });
    const past = [bar, ...others].filter((one) => one.getBoundingClientRect().right > innerWidth + 1);
    return [...over, ...past].map((one) => one.outerHTML.slice(0, 80));
  });

describe.each([1280, 1920])('at %i pixels', (width) => {
  test.for(VIEWS)('%s %j: in the head', async ([view, more], { dashboard }) => {
    const { page } = dashboard;
    await page.setViewportSize({ width, height: 900 });
    await dashboard.view(view, { checkpoint: 'last', off: 'fc48:3', ...more });
    const bar = page.locator('.offbar');
    await expect.poll(() => bar.textContent()).toMatch(/unit 3 of fc48 is off.*instead of/s);
    await dashboard.idle();
    expect(await bar.evaluate((one) => one.closest('.vbar, header') !== null)).toBe(true);
    expect(await overlaps(page)).toEqual([]);
    expect((await bar.boundingBox())!.width).toBeGreaterThan(190);
    await dashboard.expectAccessible();
    // Switching it on again moves nothing; Confusion has other numbers then.
    if (view === 'confusion' && !more) return;
    const off = await places(page);
    await dashboard.press('Escape');
    await expect.poll(() => bar.count()).toBe(0);
    await dashboard.idle();
    const on = await places(page);
    if (view !== 'image' && view !== 'filters')
      expect(on.map((one, n) => [one, off[n]]).filter(([one, other]) => one !== other)[0]).toBeUndefined();
  });
});

test.for(VIEWS)('in one column, %s %j: at the foot', async ([view, more], { dashboard }) => {
  const { page } = dashboard;
  await page.setViewportSize({ width: 390, height: 844 });
  await dashboard.view(view, { checkpoint: 'last', off: 'fc48:3', ...more });
  const bar = page.locator('.offbar');
  await bar.waitFor();
  await dashboard.idle();
  const box = (await bar.boundingBox())!;
  expect(box.x).toBeGreaterThanOrEqual(0);
  expect(box.x + box.width).toBeLessThanOrEqual(390);
  const heads = await page.locator('main').evaluate((main) => main.scrollWidth);
  expect(heads).toBeLessThanOrEqual(390);
  const footer = (await page.getByRole('contentinfo').boundingBox())!;
  expect(box.y + box.height).toBeLessThanOrEqual(footer.y);
  // At the end of the page nothing is under it.
  const covered = await page.evaluate(() => {
    const main = document.querySelector('main')!;
    main.scrollTop = main.scrollHeight;
    const top = document.querySelector('.offbar')!.getBoundingClientRect().top;
    const ends = [...main.querySelectorAll(':scope > section, :scope > article, :scope > .filters')].map(
      (one) => one.getBoundingClientRect().bottom,
    );
    return Math.max(...ends) > top + 1;
  });
  expect(covered).toBe(false);
  await dashboard.expectAccessible();
  await bar.getByRole('button', { name: /^Switch on/ }).click();
  await expect.poll(() => dashboard.urlValue('off')).toBeNull();
});
