// Why this answer: explanation maps of an image at some checkpoints (the film), their methods, and the check of whether a
// method can be believed.
import { describe, expect } from 'vitest';
import { type Dashboard, test } from './dashboard';

describe('by keyboard', () => {
  test('the second page of Image; arrows go through the frames', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1250' });
    const { page } = dashboard;
    const pages = page.getByRole('group', { name: 'page', exact: true });
    await pages.getByRole('button', { name: 'why' }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => dashboard.urlValue('image.page')).toBe('why');
    const film = page.getByRole('listbox', { name: 'Maps of checkpoints' });
    await film.waitFor();
    await dashboard.idle();
    const frames = film.getByRole('option');
    expect(await frames.count()).toBeGreaterThanOrEqual(4);
    expect(await frames.last().getAttribute('aria-selected')).toBe('true');
    const last = await dashboard.last();
    const picture = page.getByRole('img', { name: /^LayerCAM of image 1250 at checkpoint / });
    const place = await picture.boundingBox();
    expect(await picture.getAttribute('data-checkpoint')).toBe(String(last));
    await dashboard.expectAccessible();
    await frames.last().focus();
    await dashboard.press('ArrowLeft');
    expect(await dashboard.checkpoint()).toBeLessThan(last);
    await expect.poll(() => picture.getAttribute('data-checkpoint')).toBe(String(await dashboard.checkpoint()));
    await dashboard.press('Home');
    expect(await frames.first().getAttribute('aria-selected')).toBe('true');
    expect(await frames.first().evaluate((node) => node === document.activeElement)).toBe(true);
    // Nothing moves while one scrubs.
    expect(await picture.boundingBox()).toEqual(place);
    await page.getByRole('slider', { name: 'Checkpoint' }).focus();
    await dashboard.press('ArrowRight');
    await expect.poll(() => picture.getAttribute('data-checkpoint')).toBe(String(await dashboard.checkpoint()));
  });
});

describe('by pointer', () => {
  test('methods, a class against another, and the check', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1250', 'image.page': 'why' });
    const { page } = dashboard;
    const check = page.getByRole('region', { name: 'Check' });
    await expect.poll(() => check.textContent()).toMatch(/Check: (passes|fails)/);
    await page.getByRole('button', { name: 'Integrated gradients' }).click();
    await expect.poll(() => dashboard.urlValue('why.method')).toBe('integrated');
    await expect.poll(() => page.locator('.left').textContent()).toMatch(/error \d+\.\d+ % of the difference/);
    await page.getByRole('combobox', { name: 'against' }).selectOption({ index: 2 });
    await expect.poll(() => dashboard.urlValue('why.against')).toBe('1');
    await dashboard.idle();
    // Another class than the label is explained by choice.
    await page.getByRole('combobox', { name: 'for' }).selectOption({ index: 4 });
    await expect.poll(() => dashboard.urlValue('why.class')).toBe('3');
    await dashboard.idle();
    await page.getByRole('listbox', { name: 'Maps of checkpoints' }).getByRole('option').nth(1).click();
    await dashboard.idle();
    expect(await dashboard.checkpoint()).toBeLessThan(await dashboard.last());
    await dashboard.expectAccessible();
  });

  test('a reconstruction is never called an explanation', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1250', 'image.page': 'why' });
    const { page } = dashboard;
    await page
      .getByRole('group', { name: 'reconstruction, not an explanation' })
      .getByRole('button', { name: 'Guided backprop' })
      .click();
    await expect
      .poll(() => page.getByRole('region', { name: 'Check' }).textContent())
      .toContain('a reconstruction, not an explanation');
    expect(await page.locator('.say').textContent()).toMatch(/reconstruction, not an explanation/);
    await dashboard.idle();
    await dashboard.expectAccessible();
    await dashboard.press('t');
    await page.getByRole('button', { name: 'Logits' }).waitFor();
  });
});

describe('with parts covered', () => {
  const said = ({ page }: Dashboard) => page.locator('.say').textContent();

  test('the map follows the brush; all maps follow the covered image', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1250', 'image.page': 'why' });
    const { page } = dashboard;
    await expect.poll(() => said(dashboard)).toMatch(/logit is/);
    const before = await said(dashboard);
    await page.getByRole('button', { name: 'cover parts' }).click();
    const brush = page.getByRole('application', { name: /^Brush over the image/ });
    await dashboard.idle();
    // The class stays the one that was explained.
    expect(dashboard.urlValue('why.class')).toMatch(/^\d$/);
    await dashboard.expectAccessible();
    const box = (await brush.boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.4, box.y + box.height * 0.4);
    await page.mouse.down();
    for (let n = 0; n <= 8; n += 1)
      await page.mouse.move(box.x + box.width * (0.4 + 0.02 * n), box.y + box.height * (0.4 + 0.03 * n));
    // While the button is down the sentence is about the painted image, which is not selected yet.
    await expect.poll(() => said(dashboard)).not.toBe(before);
    expect(dashboard.urlValue('image')).toBe('1250');
    await page.mouse.up();
    await expect.poll(() => Number(dashboard.urlValue('image'))).toBeGreaterThanOrEqual(2 ** 31);
    await dashboard.idle();
    expect(await page.locator('.left').textContent()).toContain('#1250, covered');
    await page.getByRole('button', { name: 'uncover' }).click();
    await expect.poll(() => dashboard.urlValue('image')).toBe('1250');
    await page.getByRole('button', { name: 'cover parts' }).click();
    await expect.poll(() => dashboard.urlValue('why.class')).toBeNull();
    await expect.poll(() => said(dashboard)).toBe(before);
  });

  test('by keyboard', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1251', 'image.page': 'why' });
    const { page } = dashboard;
    await page.getByRole('button', { name: 'cover parts' }).focus();
    await page.keyboard.press('Enter');
    await dashboard.idle();
    await page.getByRole('application', { name: /^Brush over the image/ }).focus();
    for (const key of ['+', '+', 'ArrowUp', ' ']) await page.keyboard.press(key);
    await expect.poll(() => Number(dashboard.urlValue('image'))).toBeGreaterThanOrEqual(2 ** 31);
    await dashboard.idle();
  });
});
