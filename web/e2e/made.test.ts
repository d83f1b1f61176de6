// Feature visualisation ("What would it like to see?"): a picture that is made for a filter, beside its top images.
import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe('what a filter would like to see', () => {
  test('beside its top images, over the checkpoints, by pointer', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv1', filter: '3', image: '1250' });
    const { page } = dashboard;
    const pinned = page.getByRole('region', { name: 'Pinned filter' });
    const others = async () => [
      await pinned.getByRole('heading').first().boundingBox(),
      await pinned.getByRole('list', { name: 'Top images' }).boundingBox(),
    ];
    const before = await others();
    await pinned.getByRole('button', { name: 'What would it like to see?' }).click();
    await expect.poll(() => dashboard.urlValue('made')).toBe('noise');
    const last = await dashboard.last();
    const picture = pinned.getByRole('img', {
      name: /^What filter 3 of conv1 would like to see at checkpoint/,
    });
    await expect.poll(() => picture.getAttribute('data-checkpoint')).toBe(String(last));
    await dashboard.idle();
    await dashboard.expectAccessible();
    // It is called what it is, and nothing made room for it.
    expect(await picture.getAttribute('aria-label')).toContain('made by gradient ascent');
    expect(await others()).toEqual(before);
    // The film follows the timeline; of what is not there yet the checkpoint is named.
    for (let n = 0; n < 3; n += 1) {
      await page.keyboard.press('ArrowLeft');
      const shown = await picture.getAttribute('data-checkpoint');
      const at = await dashboard.checkpoint();
      if (Number(shown) !== at) expect(await pinned.textContent()).toContain(`of checkpoint ${shown}`);
    }
    await expect
      .poll(async () => Number(await picture.getAttribute('data-checkpoint')))
      .toBe(await dashboard.checkpoint());
    expect(await others()).toEqual(before);
    // From its top image.
    await pinned.getByRole('button', { name: 'image', exact: true }).click();
    await expect.poll(() => dashboard.urlValue('made')).toBe('image');
    await expect
      .poll(() => pinned.getByRole('img', { name: /image \d+, its features amplified/ }).count())
      .toBe(1);
    // Another filter has another picture, without another click.
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv2', filter: '7', made: 'noise' });
    await page.getByRole('img', { name: /^What filter 7 of conv2 would like to see/ }).waitFor();
    await dashboard.idle();
    await dashboard.expectAccessible();
    expect(
      await pinned.getByRole('list', { name: 'Top images' }).getByRole('listitem').count(),
    ).toBeGreaterThan(0);
  });

  test('by key, for units too', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'fc48', filter: '3' });
    const { page } = dashboard;
    await dashboard.press('e');
    await expect.poll(() => dashboard.urlValue('made')).toBe('noise');
    await page.getByRole('img', { name: /^What unit 3 of fc48 would like to see/ }).waitFor();
    await dashboard.press('e');
    await expect.poll(() => dashboard.urlValue('made')).toBeNull();
    await page.getByRole('button', { name: /would (it )?like to see/ }).waitFor();
  });

  test('on the card that is kept, in the last place', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv2', filter: '2' });
    const { page } = dashboard;
    await page.getByRole('listbox', { name: 'Filter bank of conv2' }).focus();
    await dashboard.press('Enter');
    const card = page.getByRole('dialog', { name: /^conv2 filter/ });
    await card.waitFor();
    const tops = card.getByRole('list', { name: 'Top images' }).first().getByRole('listitem');
    await expect.poll(() => tops.count()).toBe(8);
    const box = await card.boundingBox();
    await card.getByRole('button', { name: 'What would it like to see?' }).focus();
    await page.keyboard.press('Enter');
    await card.getByRole('img', { name: /^What filter \d+ of conv2 would like to see/ }).waitFor();
    await dashboard.idle();
    expect(await card.boundingBox()).toEqual(box);
    await dashboard.expectAccessible();
  });
});
