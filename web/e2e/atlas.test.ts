// What each class loses without each filter, in Filters; and the map of the answer over images, in every view.
import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe('colour by effect', () => {
  test('by pointer and by key; under the pinned filter its effect by class', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv1', filter: '1' });
    const { page } = dashboard;
    const bank = page.getByRole('listbox', { name: 'Filter bank of conv1' });
    const place = await bank.boundingBox();
    await page.getByRole('button', { name: 'colour by effect' }).click();
    await expect.poll(() => dashboard.urlValue('bank.colour')).toBe('effect');
    const effect = page.getByRole('region', { name: 'Effect of filter 1 by class' });
    await expect.poll(() => effect.getByRole('listitem').count()).toBeGreaterThan(2);
    // The bank stays where it is.
    expect(await bank.boundingBox()).toEqual(place);
    await dashboard.expectAccessible();
    await dashboard.press('t');
    await page.getByRole('button', { name: 'Effect of each filter of conv1' }).waitFor();
    await dashboard.press('Escape');
    await page.locator('body').press('a');
    await expect.poll(() => dashboard.urlValue('bank.colour')).toBeNull();
    expect(await effect.count()).toBe(0);
    // A layer that cannot be switched off has no such choice.
    await dashboard.view('filters', { checkpoint: 'last', layer: 'fc10' });
    expect(await page.getByRole('button', { name: 'colour by effect' }).count()).toBe(0);
  });
});

describe('the map over the image', () => {
  test('W lays it over the selected image and over examples', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', image: '1250' });
    const { page } = dashboard;
    await dashboard.press('w');
    await page.getByRole('img', { name: /^LayerCAM: what speaks for / }).waitFor();
    await dashboard.expectAccessible();
    // It is of the network without the units that are off.
    const asked = page.waitForRequest((request) => /\/explain\/1250\?.*off=fc48/.test(request.url()));
    await dashboard.view('filters', { checkpoint: 'last', image: '1250', 'why.over': '1', off: 'fc48:3' });
    await asked;
    await dashboard.view('confusion', { checkpoint: 'last', 'why.over': '1', off: '' });
    const maps = page.getByRole('button', { name: 'maps' });
    expect(await maps.getAttribute('aria-pressed')).toBe('true');
    await expect.poll(() => page.locator('.images span canvas').count()).toBeGreaterThan(0);
    await maps.click();
    await expect.poll(() => dashboard.urlValue('why.over')).toBeNull();
    expect(await page.locator('.images span canvas').count()).toBe(0);
  });
});
