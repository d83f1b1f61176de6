// Inversions: pictures of what layers remember of an image, layer by layer and over time.
import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe('what layers remember of an image', () => {
  test('layer by layer and over time, by keyboard', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1250' });
    const { page } = dashboard;
    await page
      .getByRole('group', { name: 'page', exact: true })
      .getByRole('button', { name: 'remembers' })
      .focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => dashboard.urlValue('image.page')).toBe('remembers');
    const last = String(await dashboard.last());
    const layers = page.getByRole('listbox', { name: 'Layers' }).getByRole('option');
    await expect.poll(() => layers.count()).toBe(4);
    const made = () =>
      page
        .locator('[role=listbox][aria-label=Layers] .place')
        .evaluateAll((all) => all.map((one) => (one as HTMLElement).dataset.checkpoint ?? ''));
    await expect.poll(made, { timeout: 60_000 }).toEqual([last, last, last, last]);
    await dashboard.idle();
    await dashboard.expectAccessible();
    // Early layers remember more than late ones: that is what the numbers are for.
    expect(await layers.first().textContent()).toMatch(/% left/);
    const large = page.getByRole('img', { name: /^What relu3 remembers of image #1250 at checkpoint/ });
    const place = await large.boundingBox();
    await layers.nth(2).focus();
    await page.keyboard.press('Home');
    await expect.poll(() => dashboard.urlValue('inversion.layer')).toBe('relu1');
    expect(await layers.first().evaluate((node) => node === document.activeElement)).toBe(true);
    await dashboard.idle();
    // Over time, with the playhead.
    const film = page.getByRole('listbox', { name: 'Checkpoints' }).getByRole('option');
    expect(await film.count()).toBeGreaterThanOrEqual(3);
    await film.nth(1).focus();
    await page.keyboard.press('Home');
    await dashboard.idle();
    expect(await dashboard.checkpoint()).toBeLessThan(Number(last));
    const first = page.getByRole('img', { name: /^What relu1 remembers/ });
    await expect.poll(() => first.getAttribute('data-checkpoint')).toBe(String(await dashboard.checkpoint()));
    expect(await first.boundingBox()).toEqual(place);
    await dashboard.press('t');
    const table = page.getByRole('complementary', { name: 'Numbers of this view' });
    await expect.poll(() => table.textContent()).toContain('distance that is left');
  });

  test('by pointer; a layer is chosen from the list, too', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1250', 'image.page': 'remembers' });
    const { page } = dashboard;
    await page.getByRole('listbox', { name: 'Layers' }).getByRole('option').nth(1).click();
    await expect.poll(() => dashboard.urlValue('inversion.layer')).toBe('relu2');
    await page.getByRole('combobox', { name: 'layer over time' }).selectOption('relu1');
    await expect.poll(() => dashboard.urlValue('inversion.layer')).toBe('relu1');
    await page.getByRole('listbox', { name: 'Checkpoints' }).getByRole('option').nth(1).click();
    await dashboard.idle();
    expect(await dashboard.checkpoint()).toBeLessThan(await dashboard.last());
  });

  test('without the units that are off', async ({ dashboard }) => {
    const layers = () => dashboard.page.getByRole('listbox', { name: 'Layers' }).getByRole('option');
    const shares = async () => {
      await expect
        .poll(async () => (await layers().allTextContents()).filter((t) => t.includes('% left')).length)
        .toBe(4);
      return layers().allTextContents();
    };
    const page = { checkpoint: 'last', image: '1250', 'image.page': 'remembers' };
    await dashboard.view('image', page);
    const all = await shares();
    // All units of the second layer but one: the first remembers as before, those after it less or other things.
    await dashboard.view('image', { ...page, off: 'conv2:0-6' });
    const [first, ...later] = await shares();
    expect(first).toBe(all[0]);
    expect(later).not.toEqual(all.slice(1));
  });
});
