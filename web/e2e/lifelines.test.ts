// Lifelines: how like itself at the last checkpoint each unit of a layer was at every checkpoint, and the unit of a second run that it matches.
import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { test, type Dashboard } from './dashboard';

interface Life {
  unit: number;
  born: number | null;
  died: number | null;
  origin: { unit: number; correlation: number } | null;
  to_last: (number | null)[];
}
interface Lifelines {
  checkpoints: number[];
  units: Life[];
}

const LAYERS = ['conv1', 'conv2', 'conv3', 'fc48', 'fc10'];
const read = (page: Page, run: string, layer: string): Promise<Lifelines> =>
  page.evaluate(
    async ([id, name]) => (await (await fetch(`api/runs/${id}/layers/${name}/lifelines`)).json()) as Lifelines,
    [run, layer],
  );
const SHOWN = { 'training.page': 'units', 'training.show': 'lifelines' };
const chart = (page: Page, layer: string) => page.getByRole('grid', { name: `Lifelines of ${layer}` });
const spoken = (page: Page, layer: string) => chart(page, layer).getByRole('gridcell').textContent();
const byBirth = (found: Lifelines) =>
  [...found.units].sort(
    (a, b) => (a.born ?? 1e9) - (b.born ?? 1e9) || (a.died ?? 1e9) - (b.died ?? 1e9) || a.unit - b.unit,
  );

async function down({ page }: Dashboard, times: number): Promise<void> {
  for (let n = 0; n < times; n++) await page.keyboard.press('ArrowDown');
}

describe('lifelines of a layer', () => {
  test('are the other chart of the units, in the address', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('training', { checkpoint: 'last', 'training.page': 'units' });
    await page.getByRole('button', { name: 'similarity to final' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('training.show')).toBe('lifelines');
    await page.getByRole('group', { name: 'layer' }).getByRole('button', { name: 'conv2' }).click();
    await dashboard.idle();
    await expect.poll(() => chart(page, 'conv2').count()).toBe(1);
    const found = await read(page, dashboard.run, 'conv2');
    expect(await page.getByRole('main').textContent()).toContain(
      `${found.units.length} filters, ${found.checkpoints.length} checkpoints`,
    );
    await dashboard.expectAccessible();
    await page.reload();
    await dashboard.idle();
    await expect.poll(() => chart(page, 'conv2').count()).toBe(1);
    await page.getByRole('button', { name: 'state', exact: true }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('training.show')).toBeNull();
    expect(await page.getByRole('grid', { name: /^Life of the units/ }).count()).toBe(1);
  });

  test('keys walk through units by birth and through time; Enter opens the card', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('training', { checkpoint: 'last', 'training.layer': 'conv2', ...SHOWN });
    await expect.poll(() => chart(page, 'conv2').count()).toBe(1);
    const found = await read(page, dashboard.run, 'conv2');
    const order = byBirth(found);
    await chart(page, 'conv2').focus();
    await down(dashboard, 3);
    await dashboard.idle();
    expect(dashboard.urlValue('training.unit')).toBe(String(order[2].unit));
    await dashboard.press('ArrowLeft');
    const at = found.checkpoints.length - 2;
    expect(await dashboard.checkpoint()).toBe(found.checkpoints[at]);
    const said = await spoken(page, 'conv2');
    expect(said).toContain(`filter ${order[2].unit}, checkpoint ${found.checkpoints[at]}`);
    const value = order[2].to_last[at];
    if (value !== null) expect(said).toContain(`: ${value.toFixed(2).replace('-', '−')};`);
    expect(said).toContain(`born: ${order[2].born === 0 ? 'from the first, ' : ''}checkpoint ${order[2].born}`);
    await dashboard.press('Enter');
    await expect
      .poll(() => page.getByRole('dialog').getAttribute('aria-label'))
      .toBe(`conv2 filter ${order[2].unit}`);
    await dashboard.press('Escape');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await chart(page, 'conv2').focus();
    await dashboard.press('Escape');
    expect(dashboard.urlValue('training.unit')).toBeNull();
    await page.getByRole('group', { name: 'order' }).getByRole('button', { name: 'number' }).click();
    await chart(page, 'conv2').focus();
    await down(dashboard, 2);
    await dashboard.idle();
    expect(dashboard.urlValue('training.unit')).toBe('1');
  });

  test('a click goes there, on the number to the birth; a second click opens the card', async ({
    dashboard,
  }) => {
    const { page } = dashboard;
    await dashboard.view('training', { checkpoint: 'last', 'training.layer': 'conv1', ...SHOWN });
    await expect.poll(() => chart(page, 'conv1').count()).toBe(1);
    const found = await read(page, dashboard.run, 'conv1');
    const order = byBirth(found);
    const row = order.findLastIndex((one) => one.born !== null);
    const box = (await chart(page, 'conv1').boundingBox())!;
    const y = ((row + 0.5) * box.height) / order.length;
    await page.mouse.click(box.x + 8, box.y + y);
    await dashboard.idle();
    expect(dashboard.urlValue('training.unit')).toBe(String(order[row].unit));
    expect(await dashboard.checkpoint()).toBe(order[row].born);
    const tip = page.locator('.tip');
    await expect.poll(() => tip.textContent()).toContain(`conv1 filter ${order[row].unit}`);
    const inFirst = { x: box.x + 42, y: box.y + y };
    await page.mouse.click(inFirst.x, inFirst.y);
    await dashboard.idle();
    expect(await dashboard.checkpoint()).toBe(0);
    expect(await page.getByRole('dialog').count()).toBe(0);
    await page.mouse.click(inFirst.x, inFirst.y);
    await expect.poll(() => page.getByRole('dialog').count()).toBe(1);
    expect(dashboard.urlValue('view')).toBe('training');
  });

  test('take-overs and deaths are listed, and link to their checkpoints', async ({ dashboard }) => {
    const { page } = dashboard;
    for (const layer of LAYERS) {
      await dashboard.view('training', { checkpoint: 'last', 'training.layer': layer, ...SHOWN });
      await expect.poll(() => chart(page, layer).count()).toBe(1);
      const { units } = await read(page, dashboard.run, layer);
      const events = units.filter((one) => one.origin).length + units.filter((one) => one.died !== null).length;
      const list = page.getByRole('listbox', { name: 'Take-overs and deaths' });
      expect(await list.getByRole('option').count()).toBe(events);
      expect(await page.locator('.rows svg g').count()).toBe(units.filter((one) => one.origin).length);
      if (!events) continue;
      await list.focus();
      await dashboard.press('End');
      const text = (await list.getByRole('option').last().textContent()) ?? '';
      const at = Number(/checkpoint (\d+)/.exec(text)?.[1]);
      expect(await dashboard.checkpoint()).toBe(at);
      expect(dashboard.urlValue('training.unit')).toBe(/^\s*(\d+)/.exec(text)?.[1]);
    }
  });

  test('have a table', async ({ dashboard }) => {
    await dashboard.view('training', { checkpoint: 'last', 'training.layer': 'conv1', ...SHOWN });
    await expect.poll(() => chart(dashboard.page, 'conv1').count()).toBe(1);
    await dashboard.press('t');
    const tables = dashboard.page.getByRole('complementary', { name: 'Numbers of this view' });
    const heads = (await tables.getByRole('columnheader').allTextContents()).map((text) => text.trim());
    expect(heads.slice(0, 4)).toEqual(['filter', 'born', 'epoch', 'took over from']);
    await dashboard.expectAccessible();
  });

  test('say that they are computed, and why they cannot be', async ({ dashboard }) => {
    const { page } = dashboard;
    let release = () => {};
    const held = new Promise<void>((done) => (release = done));
    await page.route('**/layers/conv2/lifelines', async (route) => {
      await held;
      await route.fulfill({
        status: 400,
        contentType: 'application/problem+json',
        body: JSON.stringify({
          type: 'about:blank',
          title: 'Bad request',
          status: 400,
          detail: 'layer conv2 has 9000 units, too many to be followed',
          hint: 'narrower layers of the same network can be',
        }),
      });
    });
    const opening = dashboard.view('training', { checkpoint: 'last', 'training.layer': 'conv2', ...SHOWN });
    const main = page.getByRole('main');
    await expect.poll(() => main.textContent()).toContain('reading the lifelines of conv2');
    release();
    await opening;
    await expect.poll(() => main.textContent()).toContain('too many to be followed');
    expect(await main.textContent()).toContain('narrower layers');
    expect(await page.getByRole('alert').count()).toBe(0);
    await dashboard.expectAccessible();
    dashboard.expected(/400/);
  });
});

describe('lifelines with a second run', () => {
  test('a run beside itself: each unit is matched with itself', async ({ dashboard }) => {
    const { page } = dashboard;
    const more = { 'b.run': dashboard.run, 'training.layer': 'conv2', 'training.order': 'number' };
    await dashboard.view('training', { checkpoint: 'last', ...more, ...SHOWN });
    const panel = page.getByRole('region', { name: 'In B' });
    await expect.poll(() => panel.textContent()).toMatch(/match one of conv2 by more than chance/);
    await chart(page, 'conv2').focus();
    await down(dashboard, 2);
    await dashboard.press('ArrowRight');
    expect(await spoken(page, 'conv2')).toMatch(
      /^filter 1, born: .*in B: (conv2 1 \(1\.00\), each other’s best|constant)/,
    );
    await dashboard.expectAccessible();
    await dashboard.press('Enter');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(1);
    expect(await page.getByRole('dialog').getAttribute('aria-label')).toBe('B: conv2 filter 1');
    await dashboard.press('Escape');
    // Back into time.
    await chart(page, 'conv2').focus();
    await dashboard.press('ArrowLeft');
    expect(await spoken(page, 'conv2')).toMatch(/^filter 1, checkpoint /);
    await panel.getByRole('button', { name: 'open the matched filters' }).click();
    await dashboard.idle();
    expect([dashboard.urlValue('view'), dashboard.urlValue('layer')]).toEqual(['filters', 'conv2']);
  });

  test('on a phone everything is within the width', async ({ dashboard }) => {
    const { page } = dashboard;
    await page.setViewportSize({ width: 390, height: 844 });
    const more = { 'b.run': dashboard.run, 'training.layer': 'conv1' };
    await dashboard.view('training', { checkpoint: 'last', ...more, ...SHOWN });
    await expect.poll(() => chart(page, 'conv1').count()).toBe(1);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await dashboard.expectAccessible();
  });
});
