// The reference of a run is B's checkpoint where there is a second run. B is a copy of A here: what is compared with it must
// be what is compared with the same checkpoint of A itself.
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { Server } from './server';

const AT = '12';
const FROM = '4';
let server: Server;

beforeAll(async () => {
  const [folder, runs] = [inject('folder'), join(inject('folder'), 'copies')];
  for (const name of ['one', 'copy'])
    cpSync(join(folder, inject('run')), join(runs, name), { recursive: true });
  server = await Server.start(folder, 'copies');
});
afterAll(() => server?.stop());

const WITH_B = { 'b.run': 'copy', 'b.checkpoint': FROM };

async function opened(view: string, more: Record<string, string> = {}): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: { width: 1440, height: 900 }, colorScheme: 'dark', reducedMotion: 'reduce' });
  const dashboard = new Dashboard(await context.newPage(), server.origin, 'one');
  await dashboard.view(view, { checkpoint: AT, image: '1250', ...more });
  return dashboard;
}
async function closed(dashboard: Dashboard): Promise<void> {
  dashboard.expectClean();
  await dashboard.page.context().close();
}
/** What a picture shows of the reference: alone, and with B at the same checkpoint. */
async function both<T>(
  view: string,
  more: Record<string, string>,
  read: (page: Page) => Promise<T>,
): Promise<[T, T]> {
  const found: T[] = [];
  const references: Record<string, string>[] = [{ before: FROM }, { ...WITH_B, [`${view}.page`]: 'one' }];
  for (const reference of references) {
    const dashboard = await opened(view, { ...reference, ...more });
    found.push(await read(dashboard.page));
    await closed(dashboard);
  }
  return [found[0], found[1]];
}
const moves = (page: Page) => page.getByRole('listbox', { name: 'Moves from cell to cell' });
/** Counts of the list, by true class and the two predictions. */
const listed = async (page: Page) => {
  await moves(page).waitFor();
  const texts = await moves(page).getByRole('option').allTextContents();
  return texts
    .map((text) => text.replace(/(gained|lost|still wrong|A right|B right|both wrong)$/, '').trim())
    .sort();
};
const cells = (page: Page) => page.getByRole('gridcell').and(page.locator('[data-truth]'));
const ticks = (page: Page) =>
  page.locator('.rail .was').evaluateAll((all) => all.map((one) => one.getAttribute('x')));

describe('B is the reference', () => {
  test('the ticks of the predicted classes', async () => {
    const [alone, two] = await both('filters', {}, async (page) => {
      await expect.poll(() => page.locator('.rail .was').count()).toBe(10);
      return { ticks: await ticks(page), words: await page.locator('.rail .said .cap').textContent() };
    });
    expect(two.ticks).toEqual(alone.ticks);
    expect([alone.words, two.words]).toEqual([`reference, ${FROM}`, `B, ${FROM}`]);
  });

  test('recall, and the tip of a cell', async () => {
    const [alone, two] = await both('confusion', {}, async (page) => {
      const marks = page.locator('td.recall b');
      await expect.poll(() => marks.count()).toBe(10);
      await cells(page).nth(1).hover();
      const tip = page.locator('.tip');
      await expect.poll(() => tip.textContent()).toMatch(/of true class/);
      return {
        recall: await marks.evaluateAll((all) => all.map((one) => one.style.left)),
        tip: await tip.textContent(),
      };
    });
    expect(two.recall).toEqual(alone.recall);
    expect(alone.tip).toMatch(/reference.*change/);
    expect(two.tip).toMatch(/B.*A − B/);
  });

  test('the flow and the list of changes', async () => {
    const [alone, two] = await both(
      'confusion',
      { 'confusion.picture': 'flow', 'confusion.panel': 'moves', 'confusion.since': 'before' },
      async (page) => {
        const flow = page.getByRole('listbox', { name: /^Flow from / });
        await flow.waitFor();
        return { list: await listed(page), flow: await flow.getAttribute('aria-label') };
      },
    );
    expect(two.list).toEqual(alone.list);
    expect(alone.flow).toContain(`Flow from checkpoint ${FROM} to ${AT}`);
    expect(two.flow).toContain(`Flow from B at checkpoint ${FROM} to A at ${AT}`);
    expect(two.flow?.match(/\d+ images?/)?.[0]).toBe(alone.flow?.match(/\d+ images?/)?.[0]);
  });

  test('from B is where the list begins; its words, its table and axe', async () => {
    const dashboard = await opened('confusion', {
      ...WITH_B,
      'confusion.page': 'one',
      'confusion.panel': 'moves',
    });
    const { page } = dashboard;
    await moves(page).waitFor();
    expect(await page.locator('.beside').textContent()).toMatch(
      /predicted otherwise.*A right \d+.*B right \d+.*both wrong/s,
    );
    await dashboard.expectAccessible();
    await dashboard.press('t');
    await expect
      .poll(() => page.getByRole('columnheader', { name: `predicted by B at ${FROM}` }).count())
      .toBeGreaterThan(0);
    await closed(dashboard);
  });

  test('a filter of B is not that of the same number: of another run there is no mark in its history', async () => {
    for (const [b, marks] of [
      ['copy', 0],
      ['one', 1],
    ] as const) {
      const dashboard = await opened('filters', { ...WITH_B, 'b.run': b, 'filters.page': 'one', filter: '1' });
      const history = dashboard.page.getByRole('img', { name: 'History of filter 1' });
      await history.waitFor();
      await dashboard.idle();
      expect(Math.min(1, await history.locator('line.bf').count()), b).toBe(marks);
      await closed(dashboard);
    }
  });
});

test('Training: the opposite layer of B in every row, its checkpoint dashed, its numbers in a table', async () => {
  const dashboard = await opened('training', WITH_B);
  const { page } = dashboard;
  const size = page.getByRole('img', { name: /^conv2, size of weights/ });
  await expect.poll(() => size.locator('path.second').count()).toBe(1);
  // A copy has the same curve.
  const curves = await size.locator('path').evaluateAll((all) => all.map((one) => one.getAttribute('d') ?? ''));
  const ends = curves.filter(Boolean).map((d) => d.slice(d.lastIndexOf('L')).split(','));
  expect(Math.abs(Number(ends[0][1]) - Number(ends[1][1]))).toBeLessThan(0.5);
  expect(await size.locator('line.bf').count()).toBe(1);
  await expect
    .poll(() =>
      page
        .getByRole('img', { name: /^conv2, active fraction/ })
        .locator('path.second')
        .count(),
    )
    .toBe(1);
  await dashboard.press('t');
  await expect.poll(() => page.getByText(`Layers of B, checkpoint ${FROM}`).count()).toBeGreaterThan(0);
  await dashboard.expectAccessible();
  await closed(dashboard);
});

describe('keys', () => {
  test('holding C shows B in place of A, releasing it shows A', async () => {
    const dashboard = await opened('confusion', WITH_B);
    const { page } = dashboard;
    const show = page.getByRole('group', { name: 'show' });
    const read = () => cells(page).allTextContents();
    const difference = await read();
    await show.getByRole('button', { name: 'B', exact: true }).click();
    const b = await read();
    await show.getByRole('button', { name: 'A − B' }).click();
    await page.keyboard.down('c');
    await expect.poll(read).toEqual(b);
    await page.keyboard.up('c');
    await expect.poll(read).toEqual(difference);
    // The matrix of A blinks to that of B; the address stays.
    await page.getByRole('group', { name: 'picture' }).getByRole('button', { name: 'matrix' }).click();
    await dashboard.idle();
    const numbers = async () => (await read()).map((text) => text.trim().replace('·', '0'));
    const a = await numbers();
    await page.keyboard.down('c');
    await expect.poll(numbers).toEqual(b.map((text) => text.trim().replace('·', '0')));
    expect(dashboard.urlValue('checkpoint')).toBe(AT);
    await page.keyboard.up('c');
    await expect.poll(numbers).toEqual(a);
    await closed(dashboard);
  });

  test('B pins the reference where it is, X swaps the runs', async () => {
    const dashboard = await opened('confusion', { 'b.run': 'copy' });
    const { page } = dashboard;
    await page.getByRole('slider', { name: 'Checkpoint of B' }).waitFor();
    await dashboard.press('b');
    await expect.poll(() => dashboard.urlValue('b.checkpoint')).toBe(AT);
    await dashboard.press('ArrowLeft');
    await dashboard.press('x');
    await expect.poll(() => dashboard.urlValue('run')).toBe('copy');
    await dashboard.idle();
    expect([
      dashboard.urlValue('b.run'),
      dashboard.urlValue('checkpoint'),
      dashboard.urlValue('b.checkpoint'),
    ]).toEqual(['one', AT, String(Number(AT) - 1)]);
    await dashboard.press('x');
    await expect.poll(() => dashboard.urlValue('run')).toBe('one');
    await dashboard.idle();
    expect([dashboard.urlValue('checkpoint'), dashboard.urlValue('b.checkpoint')]).toEqual([
      String(Number(AT) - 1),
      AT,
    ]);
    await closed(dashboard);
  });
});

describe('units that are switched off', () => {
  test.for([['filters'], ['confusion'], ['clusters'], ['compare']] as const)(
    '%s of two runs says that they are not in the comparison',
    async ([view]) => {
      const dashboard = await opened(view, { ...WITH_B, off: 'fc48:3' });
      const { page } = dashboard;
      const bar = page.locator('.offbar');
      await expect.poll(() => bar.textContent()).toMatch(/unit 3 of fc48 is off.*not in this comparison/s);
      expect(await bar.evaluate((one) => one.closest('.vbar') !== null)).toBe(true);
      await dashboard.expectAccessible();
      await bar.getByRole('button', { name: /^Switch on/ }).click();
      await expect.poll(() => dashboard.urlValue('off')).toBeNull();
      await expect.poll(() => page.locator('.vbar .meta.two').isVisible()).toBe(true);
      await closed(dashboard);
    },
  );
});
