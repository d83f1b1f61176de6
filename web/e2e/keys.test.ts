// Keys that come faster than the page, and Space after a click.
import { describe, expect } from 'vitest';
import { test, type Dashboard } from './dashboard';

const field = ({ page }: Dashboard) => page.getByRole('searchbox', { name: 'Search images' });

describe('letters at once after /', () => {
  test.for(['filters', 'confusion', 'training'])(
    'from %s go into the search, all of them',
    async (view, { dashboard }) => {
      await dashboard.view(view, { checkpoint: '5', before: '1' });
      const { page } = dashboard;
      // In one task of the page, as a quick hand or a script types: nothing is drawn in between.
      await page.evaluate(() => {
        for (const key of ['/', 'b', 'x', 'l', 'f']) {
          const press = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true });
          const to = document.activeElement ?? document.body;
          // What no handler takes is written into the field that has the focus.
          if (to.dispatchEvent(press) && to instanceof HTMLInputElement) {
            to.value += key;
            to.dispatchEvent(new Event('input', { bubbles: true }));
          }
        }
      });
      await expect.poll(() => field(dashboard).inputValue()).toBe('bxlf');
      await expect.poll(() => dashboard.urlValue('search')).toBe('bxlf');
      expect(await field(dashboard).evaluate((node) => node === document.activeElement)).toBe(true);
      // None of them was a command: the reference, the playhead, the loop and the tables are as they were.
      expect(dashboard.urlValue('before')).toBe('1');
      expect(await dashboard.checkpoint()).toBe(5);
      expect(dashboard.urlValue('loop')).toBeNull();
    },
  );

  test('with real keys, as fast as they come', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: '5', before: '1' });
    await dashboard.page.keyboard.type('/cat');
    await expect.poll(() => field(dashboard).inputValue()).toBe('cat');
    expect(dashboard.urlValue('before')).toBe('1');
  });
});

describe('Space', () => {
  const steps = async (dashboard: Dashboard, work: () => Promise<void>) => {
    const before = await dashboard.checkpoint();
    await work();
    await dashboard.idle();
    return (await dashboard.checkpoint()) - before;
  };

  test('plays after a click on a button, and does not press it again', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: '4' });
    const { page } = dashboard;
    await page.getByRole('group', { name: 'order' }).getByRole('button', { name: 'most mixed' }).click();
    const card = page
      .getByRole('region', { name: /^Cluster \d+:/ })
      .first()
      .getByRole('button')
      .first();
    await card.click();
    await dashboard.idle();
    // Where motion is not wanted, play is one step.
    expect(await steps(dashboard, () => page.keyboard.press('Space'))).toBe(1);
    expect(await card.getAttribute('aria-expanded')).toBe('true');
    await page.getByRole('button', { name: /^order fixed at/ }).click();
    await dashboard.idle();
    expect(await steps(dashboard, () => page.keyboard.press('Space'))).toBe(1);
  });

  test('plays after a click on an image or a filter', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: '4', layer: 'conv1', filter: 'none' });
    const { page } = dashboard;
    const bank = page.getByRole('listbox', { name: 'Filter bank of conv1' });
    await bank.click({ position: { x: 30, y: 30 } });
    await dashboard.idle();
    const pinned = dashboard.urlValue('filter');
    expect(await steps(dashboard, () => page.keyboard.press('Space'))).toBe(1);
    expect(dashboard.urlValue('filter')).toBe(pinned);
  });

  test('presses a button that was reached by keys', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: '4' });
    const { page } = dashboard;
    await page.getByRole('group', { name: 'order' }).getByRole('button', { name: 'most mixed' }).click();
    await page.keyboard.press('Tab');
    expect(await steps(dashboard, () => page.keyboard.press('Space'))).toBe(0);
    expect(dashboard.urlValue('clusters.order')).toBe('grew');
  });
});
