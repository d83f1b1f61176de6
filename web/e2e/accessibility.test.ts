import { describe, expect } from 'vitest';
import { test, type Theme } from './dashboard';

const VIEWS = ['story', 'filters', 'confusion', 'clusters', 'compare', 'training', 'image'];

describe.each<Theme>(['dark', 'light'])('in the %s theme', (theme) => {
  test.scoped({ theme });
  test.for(VIEWS)('%s has no accessibility violation', async (view, { dashboard }) => {
    await dashboard.view(view, { checkpoint: '5' });
    await dashboard.expectAccessible();
  });
});

describe('the keyboard', () => {
  test('numbers choose views, ? helps', async ({ dashboard }) => {
    await dashboard.view('filters');
    const { page } = dashboard;
    for (const [at, view] of VIEWS.entries()) {
      await dashboard.press(String(at));
      expect(dashboard.urlValue('view')).toBe(view);
    }
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await dashboard.expectAccessible();
    await page.keyboard.press('Escape');
    expect(await page.getByRole('dialog').count()).toBe(0);
  });
});
