import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe('the timeline as an instrument', () => {
  test('marks are set, named, stepped through and kept', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: '4' });
    const { page } = dashboard;
    await dashboard.press('m');
    await page.getByRole('button', { name: 'Marks', exact: true }).click();
    const name = page.getByRole('textbox', { name: 'Name of the mark at checkpoint 4' });
    await name.fill('edges');
    await name.press('Enter');
    await dashboard.expectAccessible();
    await name.press('Escape');
    await expect.poll(() => dashboard.urlValue('marks')).toBe('4:edges');
    await dashboard.press('Home');
    await dashboard.press('.');
    expect(await dashboard.checkpoint()).toBe(4);
    expect(await dashboard.slider.getAttribute('aria-valuetext')).toContain('edges');
    // Another visit, whose address says nothing of marks.
    await dashboard.view('training');
    await expect.poll(() => dashboard.urlValue('marks')).toBe('4:edges');
  });

  test('a part of the run is looped, at the speed chosen', async ({ dashboard }) => {
    const { page } = dashboard;
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    await dashboard.view('filters', { checkpoint: '5' });
    await dashboard.press('i');
    for (let step = 0; step < 3; step += 1) await dashboard.press('ArrowRight');
    await dashboard.press('Shift+I');
    await expect.poll(() => dashboard.urlValue('loop')).toBe('5-8');
    await page
      .getByRole('group', { name: /^Speed/ })
      .getByRole('button', { name: '25' })
      .click();
    await page.keyboard.press(' ');
    const seen = new Set<number>();
    for (let look = 0; look < 60; look += 1) {
      seen.add(await dashboard.checkpoint());
      await page.waitForTimeout(20);
    }
    await page.keyboard.press(' ');
    expect(seen.size).toBeGreaterThan(2);
    expect([Math.min(...seen), Math.max(...seen)]).toEqual([5, 8]);
  });

  test('holding a key shows the reference in every view, releasing it the playhead', async ({ dashboard }) => {
    for (const view of ['filters', 'confusion']) {
      await dashboard.view(view, { checkpoint: '9', before: '2' });
      await dashboard.page.keyboard.down('c');
      await dashboard.idle();
      expect(await dashboard.checkpoint()).toBe(2);
      await dashboard.page.keyboard.up('c');
      await dashboard.idle();
      expect(await dashboard.checkpoint()).toBe(9);
      expect(dashboard.urlValue('checkpoint')).toBe('9');
    }
  });

  test('the axis counts epochs, steps or images', async ({ dashboard }) => {
    await dashboard.view('training', { checkpoint: '3' });
    await dashboard.page.getByRole('button', { name: /^Axis: epoch/ }).click();
    await expect.poll(() => dashboard.urlValue('along')).toBe('step');
    const along = dashboard.page.getByRole('group', { name: 'along' });
    expect(await along.getByRole('button', { name: 'step' }).getAttribute('aria-pressed')).toBe('true');
  });

  test('what changed is announced after a pause', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: '3' });
    await dashboard.page.waitForTimeout(800);
    await dashboard.press('ArrowRight');
    const live = dashboard.page.locator('[data-announced]');
    await expect.poll(() => live.textContent()).toMatch(/^checkpoint 4, epoch 0\.8, test error .+ %, image /);
  });
});
