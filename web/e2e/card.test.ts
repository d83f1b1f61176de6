// The filter card: by pointer, by keyboard and by touch.
import { describe, expect } from 'vitest';
import { Dashboard, launched, test } from './dashboard';

const HOVERED = { name: /^(conv|fc|relu|pool)\d+ (filter|unit) \d+$/ };

describe('by pointer', () => {
  test('it opens where the pointer rests, follows it, and goes when it leaves', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv2' });
    const { page } = dashboard;
    const bank = page.getByRole('listbox', { name: 'Filter bank of conv2' });
    const card = page.getByRole('dialog', HOVERED);
    await bank.hover({ position: { x: 40, y: 40 } });
    await card.waitFor();
    await dashboard.idle();
    const first = await card.getAttribute('aria-label');
    expect(await card.textContent()).toMatch(/of test images make it fire|fires on no test image/);
    expect(await card.getByRole('list', { name: 'Top images' }).first().getByRole('listitem').count()).toBe(9);
    expect(await card.locator('.in > *').count()).toBe(3);
    expect(await card.locator('.out button').count()).toBe(4);
    // It does not lie over its filter.
    const [box, own] = [await card.boundingBox(), await bank.boundingBox()];
    expect(box!.x).toBeGreaterThan(own!.x + 40);
    await dashboard.expectAccessible();
    await bank.hover({ position: { x: 40, y: 200 } });
    await expect.poll(() => card.getAttribute('aria-label')).not.toBe(first);
    await page.mouse.move(5, 5);
    await expect.poll(() => card.count()).toBe(0);
  });

  test('a click keeps it, and one walks from a class to an edge in four clicks', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'fc10' });
    const { page } = dashboard;
    const card = page.getByRole('dialog');
    await page.getByRole('listbox', { name: 'Filter bank of fc10' }).click({ position: { x: 60, y: 60 } });
    await card.waitFor();
    for (const layer of ['fc48', 'conv3', 'conv2', 'conv1']) {
      await dashboard.idle();
      const box = await card.boundingBox();
      await card.locator('.in button').first().click();
      await expect.poll(() => card.getAttribute('aria-label')).toMatch(new RegExp(`^${layer} `));
      expect((await card.boundingBox())!.x).toBe(box!.x);
    }
    await dashboard.idle();
    // The first layer sees the image, and there is no further.
    expect(await card.locator('.in button').count()).toBe(0);
    expect(await card.textContent()).toContain('red');
    await dashboard.expectAccessible();
    await card.getByRole('button', { name: /^fc48 \d+$/ }).click();
    await expect.poll(() => card.getAttribute('aria-label')).toMatch(/^fc48 /);
    // Scrubbing leaves it where it is.
    const before = await card.boundingBox();
    await dashboard.press('ArrowLeft');
    expect(await card.boundingBox()).toEqual(before);
    await card.getByRole('button', { name: 'Close' }).click();
    expect(await card.count()).toBe(0);
  });

  test('maps of the image view and filters of Compare have it too', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1250' });
    const { page } = dashboard;
    const card = page.getByRole('dialog', HOVERED);
    await page
      .getByRole('listbox', { name: /^conv1: \d+ activation maps/ })
      .hover({ position: { x: 20, y: 20 } });
    await card.waitFor();
    await dashboard.view('compare', { checkpoint: 'last' });
    await page
      .locator('.rw[role=cell]')
      .first()
      .hover({ position: { x: 8, y: 8 } });
    await card.waitFor();
    expect(await card.textContent()).toContain('at checkpoint');
  });
});

describe('by keyboard', () => {
  test('it follows the pin, Enter keeps it, Escape gives the focus back', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv1', filter: '0' });
    const { page } = dashboard;
    const bank = page.getByRole('listbox', { name: 'Filter bank of conv1' });
    const card = page.getByRole('dialog');
    await bank.focus();
    await dashboard.press('ArrowRight');
    await expect.poll(() => card.getAttribute('aria-label')).toBe('conv1 filter 1');
    await dashboard.press('ArrowRight');
    await expect.poll(() => card.getAttribute('aria-label')).toBe('conv1 filter 2');
    await dashboard.press('Enter');
    await expect.poll(() => card.evaluate((node) => node === document.activeElement)).toBe(true);
    await dashboard.expectAccessible();
    await page.keyboard.press('Tab');
    await expect
      .poll(() =>
        card.evaluate((node) => node.contains(document.activeElement) && node !== document.activeElement),
      )
      .toBe(true);
    await dashboard.press('Escape');
    expect(await card.count()).toBe(0);
    expect(await bank.evaluate((node) => node === document.activeElement)).toBe(true);
  });
});

describe('by keyboard, in other views', () => {
  test('Image: arrows move over the maps, Enter pins the card, Escape closes it', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1250', layer: 'conv1', filter: '0' });
    const { page } = dashboard;
    const card = page.getByRole('dialog');
    for (const [name, first] of [
      [/^conv1: \d+ activation maps/, 'conv1 filter 1'],
      [/^fc10: \d+ values/, 'fc10 unit 0'],
    ] as const) {
      const maps = page.getByRole('listbox', { name });
      await maps.focus();
      await dashboard.press('ArrowRight');
      await expect.poll(() => card.getAttribute('aria-label')).toBe(first);
      // Below a row of maps is another: the same number further on.
      await dashboard.press('ArrowRight');
      await expect.poll(() => card.getAttribute('aria-label')).not.toBe(first);
      await dashboard.press('Enter');
      await expect.poll(() => card.evaluate((node) => node === document.activeElement)).toBe(true);
      await dashboard.expectAccessible();
      await dashboard.press('Escape');
      expect(await card.count()).toBe(0);
      expect(await maps.evaluate((node) => node === document.activeElement)).toBe(true);
    }
    expect(dashboard.urlValue('view')).toBe('image');
  });

  test('Compare: left and right over the filters, up and down over the checkpoints', async ({ dashboard }) => {
    await dashboard.view('compare', { checkpoint: 'last' });
    const { page } = dashboard;
    const card = page.getByRole('dialog');
    const table = page.getByRole('table', { name: /^Checkpoints in rows/ });
    await table.focus();
    await dashboard.press('ArrowRight');
    await card.waitFor();
    expect(await card.textContent()).not.toContain('at checkpoint');
    const name = await card.getAttribute('aria-label');
    await dashboard.press('ArrowUp');
    // The same filter, earlier.
    await expect.poll(() => card.textContent()).toContain('at checkpoint');
    expect(await card.getAttribute('aria-label')).toBe(name);
    await dashboard.press('ArrowRight');
    await expect.poll(() => card.getAttribute('aria-label')).not.toBe(name);
    await dashboard.press('Enter');
    await expect.poll(() => card.evaluate((node) => node === document.activeElement)).toBe(true);
    await dashboard.expectAccessible();
    await dashboard.press('Escape');
    expect(await card.count()).toBe(0);
    expect(await table.evaluate((node) => node === document.activeElement)).toBe(true);
  });
});

describe('by touch', () => {
  test('a tap keeps it; in a narrow window it is a sheet from below', async () => {
    const context = await (
      await launched()
    ).newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, reducedMotion: 'reduce' });
    const dashboard = new Dashboard(await context.newPage());
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv1' });
    const { page } = dashboard;
    const box = (await page.getByRole('listbox', { name: 'Filter bank of conv1' }).boundingBox())!;
    await page.touchscreen.tap(box.x + 10, box.y + 10);
    const card = page.getByRole('dialog');
    await card.waitFor();
    await dashboard.idle();
    const place = (await card.boundingBox())!;
    expect([place.x, place.width]).toEqual([0, 390]);
    expect(Math.round(place.y + place.height)).toBe(844);
    const close = (await card.getByRole('button', { name: 'Close' }).boundingBox())!;
    expect(Math.min(close.width, close.height)).toBeGreaterThanOrEqual(44);
    await card.getByRole('button', { name: 'Close' }).tap();
    expect(await card.count()).toBe(0);
    await context.close();
    dashboard.expectClean();
  });
});
