// Details of the shell: what a link carries, where it is copied, what the timeline says of a finished run.
import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe('the link', () => {
  test('carries the state and not the theme, and is copied in one place', async ({ dashboard }) => {
    const { page } = dashboard;
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await dashboard.view('filters', { checkpoint: '3', layer: 'conv2', theme: 'light' });
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('light');
    await page.getByRole('button', { name: 'Copy a link to exactly this view' }).click();
    await page.getByText('Link copied').waitFor({ state: 'attached' });
    const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
    const said = new URLSearchParams(link.hash.slice(1));
    expect([said.get('view'), said.get('checkpoint'), said.get('layer')]).toEqual(['filters', '3', 'conv2']);
    expect(said.has('theme')).toBe(false);
    await page.getByRole('button', { name: /^Export/ }).click();
    const menu = page.getByRole('group', { name: 'Export' });
    expect(await menu.getByRole('button', { name: /curl/ }).count()).toBe(1);
    expect(await menu.getByRole('button', { name: /link/i }).count()).toBe(0);
  });
});

describe('the timeline of a finished run', () => {
  test('counts checkpoints from 0 and offers nothing to follow', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last' });
    const last = await dashboard.last();
    const timeline = dashboard.page.getByRole('contentinfo', { name: 'Timeline' });
    expect(await timeline.locator('.of').textContent()).toBe(`/ ${last}, ${last + 1} in all`);
    const follow = timeline.getByRole('button', { name: 'Follow' });
    expect(await follow.isDisabled()).toBe(true);
    expect(await follow.getAttribute('aria-pressed')).toBe('false');
  });
});
