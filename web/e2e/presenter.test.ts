// The presenter outside of Story: no bars, large type, one thing on the page.
import { describe, expect } from 'vitest';
import type { Locator, Page } from 'playwright-core';
import { Dashboard, launched, test } from './dashboard';

/** Of each view what stays, and what goes. */
const VIEWS: [view: string, stays: (page: Page) => Locator, goes: (page: Page) => Locator[]][] = [
  [
    'filters',
    (page) => page.getByRole('listbox', { name: /^Filter bank of/ }),
    (page) => [page.locator('.rail'), page.getByRole('region', { name: 'Pinned filter' })],
  ],
  [
    'confusion',
    (page) => page.getByRole('grid', { name: /^Confusion matrix/ }),
    (page) => [page.locator('.beside'), page.getByRole('group', { name: 'picture' })],
  ],
  [
    'clusters',
    (page) => page.locator('.list'),
    (page) => [page.getByRole('img', { name: 'Size and class mix of all clusters' })],
  ],
  [
    'training',
    (page) => page.getByRole('img', { name: /^Error over the run/ }),
    (page) => [
      page.getByRole('img', { name: /^Loss over the run/ }),
      page.getByRole('img', { name: /^conv1/ }),
    ],
  ],
  [
    'image',
    (page) => page.getByRole('img', { name: 'Probability of every class at every checkpoint' }),
    (page) => [
      page.getByRole('complementary', { name: 'The image' }),
      page.getByRole('region', { name: 'Similar images' }),
    ],
  ],
];

describe('one thing large', () => {
  for (const [view, stays, goes] of VIEWS)
    test(view, async ({ dashboard }) => {
      const { page } = dashboard;
      await dashboard.view(view, { checkpoint: 'last', image: '1250' });
      await dashboard.press('t');
      const size = async () => {
        const box = await stays(page).boundingBox();
        return box!.width * box!.height;
      };
      await dashboard.press('t');
      const usual = await size();
      await dashboard.press('t');
      await dashboard.press('p');
      await expect.poll(async () => (await size()) > 1.3 * usual).toBe(true);
      expect(await page.getByRole('navigation', { name: 'Views' }).isVisible()).toBe(false);
      expect(await page.getByRole('complementary', { name: 'Numbers of this view' }).count()).toBe(0);
      for (const one of goes(page)) expect(await one.isVisible()).toBe(false);
      await dashboard.expectAccessible();
      // The timeline works on.
      const at = await dashboard.checkpoint();
      await dashboard.press('ArrowLeft');
      expect(await dashboard.checkpoint()).toBe(at - 1);
      await dashboard.press('Escape');
      expect(await page.getByRole('navigation', { name: 'Views' }).isVisible()).toBe(true);
      await expect.poll(size).toBe(usual);
    });
});

test('Filters: the bank, or the pinned filter', async ({ dashboard }) => {
  const { page } = dashboard;
  await dashboard.view('filters', { checkpoint: 'last', layer: 'conv2', filter: '3' });
  await dashboard.press('p');
  await page.getByRole('group', { name: 'shown' }).getByRole('button', { name: 'filter 3' }).click();
  await dashboard.idle();
  const pinned = page.getByRole('region', { name: 'Pinned filter' });
  expect(await pinned.getByRole('list', { name: 'Top images' }).getByRole('listitem').count()).toBeGreaterThan(
    0,
  );
  expect(await page.getByRole('listbox', { name: /^Filter bank of/ }).count()).toBe(0);
  await dashboard.expectAccessible();
  // A link holds it.
  await page.reload();
  await dashboard.idle();
  expect(await pinned.textContent()).toContain('conv2 filter 3');
});

test('by touch: what is shown is chosen by a finger', async () => {
  const context = await (
    await launched()
  ).newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, reducedMotion: 'reduce' });
  const dashboard = new Dashboard(await context.newPage());
  const { page } = dashboard;
  await dashboard.view('filters', { checkpoint: 'last', layer: 'conv1', filter: '3' });
  await dashboard.press('p');
  const button = page.getByRole('group', { name: 'shown' }).getByRole('button', { name: 'filter 3' });
  expect((await button.boundingBox())!.height).toBeGreaterThanOrEqual(40);
  await button.tap();
  await dashboard.idle();
  expect(await page.getByRole('region', { name: 'Pinned filter' }).textContent()).toContain('conv1 filter 3');
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBe(0);
  await context.close();
  dashboard.expectClean();
});
