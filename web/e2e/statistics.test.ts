// What the statistics say in the views: health of filters, moves between cells, ledgers, suspects, lineage.
import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe('Training', () => {
  test('counts the dead filters of every layer and leads to them', async ({ dashboard }) => {
    await dashboard.view('training', { checkpoint: '0', layer: 'conv2' });
    const { page } = dashboard;
    const dead = page.getByRole('button', { name: /^\d+ of \d+ filters of conv1 are dead/ });
    await expect.poll(() => dead.count()).toBe(1);
    const share = page.getByRole('img', { name: /^conv1, share of places above zero: \d+ %/ });
    expect(await share.count()).toBe(1);
    const untrained = await share.getAttribute('aria-label');
    await dashboard.press('End');
    expect(await share.getAttribute('aria-label')).not.toBe(untrained);
    await dashboard.expectAccessible();
    await dead.click();
    await dashboard.idle();
    expect(dashboard.said('view')).toBe('filters');
    expect(dashboard.said('layer')).toBe('conv1');
  });

  test('has the layers as a table', async ({ dashboard }) => {
    await dashboard.view('training', { checkpoint: 'last' });
    await dashboard.press('t');
    const tables = dashboard.page.getByRole('complementary', { name: 'Numbers of this view' });
    await tables.getByRole('button', { name: 'Layers' }).click();
    const row = tables.getByRole('row', { name: /^conv1 / });
    expect(await row.getByRole('cell').count()).toBe(10);
    expect((await row.getByRole('cell').allTextContents()).every((text) => text !== '–')).toBe(true);
  });
});
