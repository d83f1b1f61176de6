// The key C, held, shows B in the place of A: what stands there then is what the page of B shows in the same place.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { deepviz, Server } from './server';

let server: Server;
const [AT, B_AT] = ['12', '5'];
/** A at one checkpoint and B pinned at another, so not aligned by a clock (steps, epochs, ...); `TURNED`: A and B swapped. */
const BOTH = { checkpoint: AT, 'b.run': 'other', 'b.checkpoint': B_AT };
const TURNED = { checkpoint: B_AT, 'b.run': 'one', 'b.checkpoint': AT };

beforeAll(async () => {
  const [folder, runs] = [inject('folder'), join(inject('folder'), 'held')];
  cpSync(join(folder, inject('run')), join(runs, 'one'), { recursive: true });
  const where = ['--corpus', 'shapes', '--out', 'held/other'];
  deepviz(folder, 'train', 'shapes-quick', ...where, '--epochs', '2', '--seed', '8');
  deepviz(folder, 'stats', 'held/other');
  server = await Server.start(folder, 'held');
});
afterAll(() => server?.stop());

async function opened(
  view: string,
  more: Record<string, string> = BOTH,
  { run = 'one', width = 1440 } = {},
): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: { width, height: 900 }, colorScheme: 'dark', reducedMotion: 'reduce' });
  const dashboard = new Dashboard(await context.newPage(), server.origin, run);
  await dashboard.view(view, { image: '1250', ...more });
  return dashboard;
}
async function closed(dashboard: Dashboard): Promise<void> {
  dashboard.expectClean();
  await dashboard.page.context().close();
}
/** What B's own page shows of this. */
async function ofB<T>(
  view: string,
  more: Record<string, string>,
  read: (page: Page) => Promise<T>,
): Promise<T> {
  const dashboard = await opened(view, more, { run: 'other' });
  const found = await read(dashboard.page);
  await closed(dashboard);
  return found;
}
const holdB = (page: Page) => page.getByRole('button', { name: 'Hold to see B in the place of A' });
/** The run whose checkpoint is the large one of the timeline. */
const sign = (page: Page) => page.locator('.tl .big .sign').textContent();

/** Reads while the key is held; what was there before must be there again after. */
async function whileHeld<T>(dashboard: Dashboard, read: () => Promise<T>, expected: T): Promise<void> {
  const { page } = dashboard;
  await expect.poll(() => holdB(page).count()).toBe(1);
  await dashboard.idle();
  const [address, before] = [page.url(), await read()];
  expect(before).not.toEqual(expected);
  await page.keyboard.down('c');
  await expect.poll(read).toEqual(expected);
  expect(await sign(page)).toBe('B');
  await dashboard.expectAccessible();
  await page.keyboard.up('c');
  await expect.poll(read).toEqual(before);
  expect(page.url()).toBe(address);
}

describe('Training', () => {
  const said = (page: Page) => async () => {
    const labels = await page
      .locator('[data-picture=Training] [role=img]')
      .evaluateAll((all) => all.map((one) => one.getAttribute('aria-label') ?? ''));
    return labels.map((label) => label.replace(/^B, /, '').toLowerCase());
  };

  test('curves, rows and facts of B in the place of those of A', async () => {
    const charts = 3 + 5 * 3;
    const expected = await ofB('training', { checkpoint: B_AT }, async (page) => {
      await expect.poll(async () => (await said(page)()).length).toBeGreaterThan(charts);
      return said(page)();
    });
    const dashboard = await opened('training');
    await expect.poll(async () => (await said(dashboard.page)()).length).toBe(expected.length);
    await whileHeld(dashboard, said(dashboard.page), expected);
    await closed(dashboard);
  });

  test('the page of the units shows no B in the place of A: no key, no button', async () => {
    const dashboard = await opened('training', { ...BOTH, 'training.page': 'units' });
    const { page } = dashboard;
    expect(await holdB(page).count()).toBe(0);
    await page.keyboard.down('c');
    await dashboard.idle();
    expect(await sign(page)).toBe('A');
    await page.keyboard.up('c');
    const keys = page.getByRole('dialog').locator('dt');
    await dashboard.press('?');
    await expect.poll(() => keys.getByText('X', { exact: true }).count()).toBe(1);
    expect(await keys.getByText('C', { exact: true }).count()).toBe(0);
    await dashboard.press('Escape');
    await page.getByRole('group', { name: 'page' }).getByRole('button', { name: 'curves' }).click();
    await expect.poll(() => holdB(page).count()).toBe(1);
    await dashboard.press('?');
    await expect.poll(() => keys.getByText('C', { exact: true }).count()).toBe(1);
    expect(await page.getByRole('dialog').textContent()).toContain('Hold to see B in the place of A');
    await closed(dashboard);
  });
});

describe('Clusters', () => {
  const names = (page: Page) => async () =>
    page.locator('[data-picture="Clusters of two runs"] svg text').allTextContents();

  test('B’s clusters at the left, in their own order', async () => {
    const expected = await ofB('clusters', TURNED, async (page) => {
      await expect.poll(async () => (await names(page)()).length).toBeGreaterThan(10);
      return names(page)();
    });
    const dashboard = await opened('clusters');
    await whileHeld(dashboard, names(dashboard.page), expected);
    await closed(dashboard);
  });

  test('of A alone: a cluster of B in the place of the one that it has most in common with', async () => {
    const dashboard = await opened('clusters', { ...BOTH, 'clusters.page': 'one' });
    const { page } = dashboard;
    const ofOther = page.getByRole('region', { name: /^B Cluster/ });
    await expect.poll(() => holdB(page).count()).toBe(1);
    const cards = await page.getByRole('region', { name: /^Cluster \d/ }).count();
    await page.keyboard.down('c');
    await expect.poll(() => ofOther.count()).toBe(cards);
    const shown = await ofOther.evaluateAll((all) => all.map((one) => /\d+/.exec(one.ariaLabel ?? '')?.[0]));
    expect(new Set(shown).size).toBe(cards);
    await page.keyboard.up('c');
    await expect.poll(() => ofOther.count()).toBe(0);
    await closed(dashboard);
  });

  test('the order by growth is that of the difference from B', async () => {
    const dashboard = await opened('clusters', { ...BOTH, 'clusters.page': 'one' });
    const { page } = dashboard;
    const shares = async () => {
      const cards = page.locator('.slot').filter({ hasText: / as B \d/ });
      const found = await cards.evaluateAll((all) =>
        all
          .map((one) => ({
            at: Number((one as HTMLElement).style.order),
            share: Number(/(\d+) % as B/.exec(one.textContent ?? '')?.[1]),
          }))
          .sort((x, y) => x.at - y.at),
      );
      return found.map(({ share }) => share);
    };
    await page.getByRole('button', { name: 'unlike B' }).click();
    await expect.poll(async () => (await shares()).length).toBeGreaterThan(10);
    const found = await shares();
    expect(found).toEqual([...found].sort((x, y) => x - y));
    expect(dashboard.urlValue('clusters.order')).toBe('grew');
    await dashboard.press('t');
    await expect.poll(() => page.getByRole('columnheader', { name: 'most like in B' }).count()).toBe(1);
    await dashboard.expectAccessible();
    await closed(dashboard);
  });
});

test('Compare: the layers of B in the rows', async () => {
  const numbers = (page: Page) => () => page.locator('td[data-a]').allTextContents();
  const expected = await ofB('compare', TURNED, async (page) => {
    await expect.poll(async () => (await numbers(page)()).length).toBe(25);
    return numbers(page)();
  });
  const dashboard = await opened('compare');
  const { page } = dashboard;
  await expect.poll(() => page.locator('th.corner').textContent()).toBe('A ↓B →');
  await whileHeld(dashboard, numbers(page), expected);
  await closed(dashboard);
});

test('Story: B’s bars first and filled', async () => {
  const dashboard = await opened('story');
  const { page } = dashboard;
  const drawn = async () => {
    const picture = page.locator('.picture').filter({ has: page.locator('rect[data-of=b]') });
    return picture
      .first()
      .locator('rect')
      .evaluateAll((all) =>
        all.slice(0, 2).map((one) => `${one.getAttribute('data-of')} ${one.classList.item(0)}`),
      );
  };
  await expect.poll(drawn).toEqual(['a front', 'b behind']);
  await whileHeld(dashboard, drawn, ['b front', 'a behind']);
  await page.locator('section.story').focus();
  await closed(dashboard);
});

test.for([[1440], [390]] as const)('a button does the same, %i pixels wide', async ([width]) => {
  const dashboard = await opened('confusion', BOTH, { width });
  const { page } = dashboard;
  const button = holdB(page);
  await expect.poll(() => button.count()).toBe(1);
  const box = await button.boundingBox();
  await page.mouse.move((box?.x ?? 0) + 8, (box?.y ?? 0) + 8);
  await page.mouse.down();
  await expect.poll(() => button.getAttribute('aria-pressed')).toBe('true');
  await dashboard.expectAccessible();
  // It is released wherever the pointer is then.
  await page.mouse.move(200, 200);
  expect(await button.getAttribute('aria-pressed')).toBe('true');
  await page.mouse.up();
  await expect.poll(() => button.getAttribute('aria-pressed')).toBe('false');
  await button.focus();
  await page.keyboard.down('Enter');
  await expect.poll(() => button.getAttribute('aria-pressed')).toBe('true');
  await page.keyboard.up('Enter');
  await expect.poll(() => button.getAttribute('aria-pressed')).toBe('false');
  await closed(dashboard);
});
