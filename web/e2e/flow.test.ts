// The flow: ribbons of images between what was predicted at two checkpoints.
import { describe, expect } from 'vitest';
import { test, type Dashboard, type Theme } from './dashboard';

const flowOf = ({ page }: Dashboard) => page.getByRole('listbox', { name: /^Flow from checkpoint \d+ to \d+/ });

describe.each<Theme>(['dark', 'light'])('the flow in the %s theme', (theme) => {
  test.scoped({ theme });
  test('has no accessibility violation, with and without those that stayed', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last', before: '1', 'confusion.picture': 'flow' });
    expect(await flowOf(dashboard).getByRole('option').count()).toBeGreaterThan(10);
    await dashboard.expectAccessible();
    const images = dashboard.page.getByRole('group', { name: 'images' });
    await images.getByRole('button', { name: 'with those that stayed' }).click();
    await dashboard.idle();
    expect(dashboard.said('confusion.flow')).toBe('all');
    expect(await dashboard.page.getByText(/^stayed \d/).count()).toBe(1);
    await dashboard.expectAccessible();
  });
});

describe('the flow', () => {
  test('a ribbon lists its moves and shows its images', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last', before: '1' });
    const { page } = dashboard;
    await page.getByRole('group', { name: 'picture' }).getByRole('button', { name: 'flow' }).click();
    await dashboard.idle();
    const flow = flowOf(dashboard);
    const sum = async () => Number(/([\d,]+) images? moved/.exec((await flow.getAttribute('aria-label'))!)![1]);
    const counts = (await flow.getByRole('option').all()).map(async (one) =>
      Number(/: ([\d,]+) image/.exec((await one.getAttribute('aria-label'))!)![1].replace(',', '')),
    );
    expect((await Promise.all(counts)).reduce((a, b) => a + b, 0)).toBe(await sum());
    // By keys: the largest is reached first, Enter chooses it, Escape lets it go.
    await flow.focus();
    const active = async () =>
      page.locator(`[id="${await flow.getAttribute('aria-activedescendant')}"]`).getAttribute('aria-label');
    const said = (await active())!;
    const [, from, to, number] = /^(.+) → (.+?): (\d+) image/.exec(said)!;
    await dashboard.press('Enter');
    expect(dashboard.said('confusion.ribbon')).toMatch(/^\d+-\d+-(gained|lost|wrong)$/);
    const moves = page.getByRole('listbox', { name: 'Moves from cell to cell' });
    const listed = await moves.getByRole('option').allTextContents();
    for (const one of listed) expect(one).toContain(`${from} → ${to}`);
    const images = listed.map((one) => Number(/: *(\d+) image/.exec(one.replace(/\s+/g, ' '))![1]));
    expect(images.reduce((a, b) => a + b, 0)).toBe(Number(number));
    await page.reload();
    await dashboard.idle();
    expect(await flow.getByRole('option', { selected: true }).getAttribute('aria-label')).toBe(said);
    await flow.focus();
    await dashboard.press('Escape');
    expect(dashboard.said('confusion.ribbon')).toBeNull();
    await dashboard.press('ArrowDown');
    expect(await active()).not.toBe(said);
    // The numbers as a table, and back to the matrix.
    await dashboard.press('t');
    const table = page.getByRole('complementary', { name: 'Numbers of this view' });
    expect(await table.getByRole('button', { name: /^Flow 1 to/ }).count()).toBe(1);
    await page.getByRole('group', { name: 'picture' }).getByRole('button', { name: 'matrix' }).click();
    await dashboard.idle();
    expect(await page.getByRole('grid').count()).toBe(1);
  });
});
