// Narrow windows: one column that scrolls, nothing past the edge, targets of 44 pixels; text that grows with wide ones.
import { describe, expect } from 'vitest';
import { test, type Dashboard } from './dashboard';

const VIEWS = ['story', 'filters', 'confusion', 'clusters', 'compare', 'training', 'image', 'report'];

/** Texts of visible buttons and links that are lower than 44 pixels. */
const small = ({ page }: Dashboard, within: string) =>
  page.locator(`${within} :is(button, a)`).evaluateAll((all) =>
    all
      .filter((one) => one instanceof HTMLElement && one.checkVisibility({ visibilityProperty: true }))
      .map((one) => ({
        what: one.getAttribute('aria-label') ?? one.textContent?.trim(),
        box: one.getBoundingClientRect(),
      }))
      .filter(({ box }) => box.height > 0 && (box.height < 43.5 || box.width < 31.5))
      .map(({ what, box }) => `${what}: ${Math.round(box.width)} x ${Math.round(box.height)}`),
  );

describe.each([
  [390, 844],
  [820, 1180],
])('a window of %i pixels', (width, height) => {
  test.for(VIEWS)('%s is one column', async (view, { dashboard }) => {
    const { page } = dashboard;
    await page.setViewportSize({ width, height });
    await dashboard.view(view, { checkpoint: '5' });
    const [whole, main] = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      document.querySelector('main')!.scrollWidth,
    ]);
    expect(whole).toBeLessThanOrEqual(width);
    expect(main).toBeLessThanOrEqual(width);
    expect(await small(dashboard, 'header.top')).toEqual([]);
    expect(await small(dashboard, 'footer.tl')).toEqual([]);
    expect(await small(dashboard, '.vbar')).toEqual([]);
    expect((await page.getByRole('contentinfo').boundingBox())?.height).toBe(76);
    // The end of the view can be scrolled to.
    await page.evaluate(() => {
      const scroller = document.querySelector('main')!;
      scroller.scrollTop = scroller.scrollHeight;
    });
    await dashboard.idle();
    await dashboard.expectAccessible();
  });
});

describe('touch', () => {
  test('a finger scrubs, chooses a view, selects a cell, and steps', async ({ dashboard }) => {
    const { page } = dashboard;
    await page.setViewportSize({ width: 390, height: 844 });
    await dashboard.view('confusion', { checkpoint: '5' });
    const cell = page.getByRole('gridcell').nth(3);
    const box = (await cell.boundingBox())!;
    expect(Math.round(box.height)).toBeGreaterThanOrEqual(44);
    await cell.click();
    await dashboard.idle();
    expect(dashboard.urlValue('confusion.cell')).toBe('0-3');
    await page.getByRole('button', { name: 'Step forward' }).click();
    await dashboard.idle();
    expect(await dashboard.checkpoint()).toBe(6);
    const track = (await dashboard.slider.boundingBox())!;
    await page.mouse.click(track.x + 16, track.y + 30);
    await dashboard.idle();
    expect(await dashboard.checkpoint()).toBe(0);
    await page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name: 'Image' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('view')).toBe('image');
  });
});

test('text grows with the window by one rule, and the timeline with it', async ({ dashboard }) => {
  const { page } = dashboard;
  for (const [width, text, timeline] of [
    [1280, 12, 128],
    [1440, 12, 128],
    [1920, 14, 149],
    [2560, 16, 171],
  ]) {
    await page.setViewportSize({ width, height: 1000 });
    await dashboard.view('filters', { checkpoint: '5' });
    const size = await page.evaluate(() => parseFloat(getComputedStyle(document.body).fontSize));
    expect(size).toBe(text);
    expect(Math.round((await page.getByRole('contentinfo').boundingBox())!.height)).toBe(timeline);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
  }
});
