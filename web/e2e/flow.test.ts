// The flow: ribbons of images between what was predicted at two checkpoints.
import { describe, expect } from 'vitest';
import { test, type Dashboard, type Theme } from './dashboard';

const flowOf = ({ page }: Dashboard) => page.getByRole('listbox', { name: /^Flow from checkpoint \d+ to \d+/ });

/** Moves since the reference, every ribbon drawn, the small ones not joined. */
const EVERY = { 'confusion.since': 'before', 'confusion.ribbons': 'all' };
const FLOW = { 'confusion.picture': 'flow', ...EVERY };

describe.each<Theme>(['dark', 'light'])('the flow in the %s theme', (theme) => {
  test.scoped({ theme });
  test('has no accessibility violation, with and without those that stayed', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last', before: '1', ...FLOW });
    expect(await flowOf(dashboard).getByRole('option').count()).toBeGreaterThan(10);
    await dashboard.expectAccessible();
    const images = dashboard.page.getByRole('group', { name: 'images' });
    await images.getByRole('button', { name: 'with those that stayed' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('confusion.flow')).toBe('all');
    expect(await dashboard.page.getByText(/^stayed \d/).count()).toBe(1);
    await dashboard.expectAccessible();
  });
});

describe('the flow', () => {
  test('a ribbon lists its moves and shows its images', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last', before: '1', ...EVERY });
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
    expect(dashboard.urlValue('confusion.ribbon')).toMatch(/^\d+-\d+-(gained|lost|wrong)$/);
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
    expect(dashboard.urlValue('confusion.ribbon')).toBeNull();
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

  test('shows what moved since the previous checkpoint, the eight largest one by one', async ({
    dashboard,
  }) => {
    const withMovesPanel = { 'confusion.picture': 'flow', 'confusion.panel': 'moves' };
    await dashboard.view('confusion', { checkpoint: 'last', before: '1', ...withMovesPanel });
    const { page } = dashboard;
    const last = await dashboard.last();
    const flow = flowOf(dashboard);
    const said = async () => (await flow.getAttribute('aria-label'))!;
    expect(await said()).toMatch(new RegExp(`^Flow from checkpoint ${last - 1} to ${last}:`));
    await page.getByRole('button', { name: `reference, 1` }).click();
    await dashboard.idle();
    expect(await said()).toMatch(new RegExp(`^Flow from checkpoint 1 to ${last}:`));
    const images = async () => {
      const texts = await Promise.all(
        (await flow.getByRole('option').all()).map((one) => one.getAttribute('aria-label')),
      );
      return texts.map((text) => Number(/: ([\d,]+) image/.exec(text!)![1].replace(',', '')));
    };
    const sum = (all: number[]) => all.reduce((a, b) => a + b, 0);
    const eight = await images();
    expect(eight).toHaveLength(8);
    const bundle = /^the grey band: (\d+) smaller flows? of ([\d,]+) images?/.exec(
      (await page.getByText(/^the grey band/).textContent())!,
    )!;
    await page.getByRole('group', { name: 'ribbons' }).getByRole('button', { name: 'all' }).click();
    await dashboard.idle();
    const all = await images();
    expect(await page.getByText(/^the grey band/).count()).toBe(0);
    expect([all.length - 8, sum(all) - sum(eight)]).toEqual([
      Number(bundle[1]),
      Number(bundle[2].replace(',', '')),
    ]);
    expect(Math.min(...eight)).toBeGreaterThanOrEqual([...all].sort((a, b) => b - a)[8] ?? 0);
  });

  test('of a pinned cell shows its ribbons only', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last', before: '1', ...FLOW });
    const { page } = dashboard;
    const flow = flowOf(dashboard);
    const options = async () =>
      await Promise.all((await flow.getByRole('option').all()).map((one) => one.getAttribute('aria-label')));
    const all = (await options()).length;
    const [, from, to] = /^(.+?) → (.+?): /.exec((await options())[0]!)!;
    const names = await page.evaluate(
      async (run) => ((await (await fetch(`api/runs/${run}`)).json()) as { classes: string[] }).classes,
      dashboard.run,
    );
    // The cell of the true class `from` that is predicted as `to`: only the changes into it and out of it are left.
    const cell = `${names.indexOf(from)}-${names.indexOf(to)}`;
    await dashboard.view('confusion', { checkpoint: 'last', before: '1', ...FLOW, 'confusion.cell': cell });
    const own = await options();
    expect(own.length).toBeLessThan(all);
    for (const one of own) expect([/^(.+?) → /.exec(one!)![1], / → (.+?): /.exec(one!)![1]]).toContain(to);
    await page.getByRole('button', { name: 'all cells' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('confusion.cell')).toBeNull();
    expect((await options()).length).toBe(all);
  });

  // Gained: wrong before, right now. Lost: the reverse.
  test('distinguishes lost and still wrong from gained without colour', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last', before: '1', ...FLOW });
    const fillOf = async (kind: string) =>
      (await flowOf(dashboard).locator(`path.${kind}`).first().getAttribute('fill'))!;
    const [lost, wrong] = [await fillOf('lost'), await fillOf('wrong')];
    expect(await fillOf('gained')).not.toContain('url');
    expect(lost).not.toBe(wrong);
    for (const fill of [lost, wrong]) {
      const id = /^url\(#(.+)\)$/.exec(fill)![1];
      expect(await dashboard.page.locator(`pattern[id="${id}"] > *`).count()).toBe(2);
    }
  });
});
