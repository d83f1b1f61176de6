// The life of the units: a chart of all units at all checkpoints, their deaths and returns, and why.
import { describe, expect } from 'vitest';
import type { Page } from 'playwright-core';
import { test } from './dashboard';

type Health = 'alive' | 'at_risk' | 'dead' | 'revived';
interface History {
  checkpoints: number[];
  health: Health[][];
}

/** The server's statistics of activity, by the layer with weights. */
const read = (page: Page, run: string): Promise<Record<string, History>> =>
  page.evaluate(async (id) => {
    const rectifiers = { conv1: 'relu1', conv2: 'relu2', conv3: 'relu3', fc48: 'relu4' };
    const found: Record<string, History> = {};
    for (const [layer, rectifier] of Object.entries(rectifiers))
      found[layer] = await (await fetch(`api/runs/${id}/layers/${rectifier}/activity?split=test`)).json();
    return found;
  }, run);

const isDead = (history: History, unit: number, column: number) => history.health[column]?.[unit] === 'dead';

/** Every death: the layer, the unit, and the column of the checkpoint. */
function deaths(histories: Record<string, History>) {
  return Object.entries(histories).flatMap(([layer, history]) =>
    history.health.flatMap((states, column) =>
      states
        .map((_, unit) => ({ layer, unit, column, at: history.checkpoints[column] }))
        .filter(({ unit }) => isDead(history, unit, column) && !isDead(history, unit, column - 1)),
    ),
  );
}

describe('Life of the units', () => {
  test('is the second page of Training, and shows the layer with most dead units', async ({ dashboard }) => {
    await dashboard.view('training', { checkpoint: 'last' });
    const { page } = dashboard;
    await page.getByRole('group', { name: 'page' }).getByRole('button', { name: 'units' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('training.page')).toBe('units');
    const histories = await read(page, dashboard.run);
    const died = deaths(histories);
    expect(died.length).toBeGreaterThan(0);
    const layers = page.getByRole('group', { name: 'layer' });
    const chosen = (await layers.locator('[aria-pressed=true]').textContent()) ?? '';
    const ever = (layer: string) => new Set(died.filter((one) => one.layer === layer).map((o) => o.unit)).size;
    const max = Math.max(...Object.keys(histories).map(ever));
    const shown = Object.keys(histories).find((layer) => chosen.startsWith(layer)) ?? '';
    expect(ever(shown)).toBe(max);
    expect(chosen).toMatch(new RegExp(`${max}\\s+dead`));
    // Every death is in the list, in words.
    const list = page.getByRole('listbox', { name: 'Deaths and returns' });
    expect(await list.getByRole('option').count()).toBe(died.length);
    const first = (await list.getByRole('option').first().textContent()) ?? '';
    expect(first).toMatch(/^\s*\w+ \d+ dead (from|at) \d+( \(\w+\))?, (alive again at \d+|and still)/);
    await dashboard.expectAccessible();
    // Another layer, and back by the address.
    await layers.getByRole('button', { name: /^conv1/ }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('training.layer')).toBe('conv1');
    expect(await page.getByRole('grid', { name: /^Life of the units of conv1/ }).count()).toBe(1);
    await page.reload();
    await dashboard.idle();
    expect(await page.getByRole('grid', { name: /^Life of the units of conv1/ }).count()).toBe(1);
  });

  test('a death is pointed at, gone to, and opened before it', async ({ dashboard }) => {
    await dashboard.view('training', { checkpoint: 'last', 'training.page': 'units' });
    const { page } = dashboard;
    const histories = await read(page, dashboard.run);
    const death = deaths(histories).find(({ column }) => column > 0);
    if (!death) throw new Error('no unit of the run under test dies');
    const { layer, unit, column, at } = death;
    await dashboard.view('training', {
      checkpoint: 'last',
      'training.page': 'units',
      'training.layer': layer,
      'training.order': 'number',
    });
    const chart = page.getByRole('grid', { name: `Life of the units of ${layer}` });
    await chart.focus();
    for (let n = 0; n <= unit; n++) await page.keyboard.press('ArrowDown');
    await dashboard.idle();
    expect(dashboard.urlValue('training.unit')).toBe(String(unit));
    const last = await dashboard.last();
    for (let n = last; n > at; n--) await page.keyboard.press('ArrowLeft');
    await dashboard.idle();
    expect(await dashboard.checkpoint()).toBe(at);
    const cell = chart.getByRole('gridcell');
    expect(await cell.textContent()).toContain(`unit ${unit}, checkpoint ${at}: dead`);
    expect(await cell.textContent()).toContain('it died here');
    const card = page.locator('.life-card');
    await expect.poll(() => card.textContent()).toMatch(/mean input .* → .*, by/);
    expect(await card.textContent()).toMatch(/inputs\s*[+−±].*weights\s*[+−±].*bias\s*[+−±]/s);
    // Under the mouse it is the same cell.
    const mark = await page.locator('.rows .now').boundingBox();
    const row = await page.locator('.rows .pin').boundingBox();
    if (!mark || !row) throw new Error('neither mark nor row');
    await page.mouse.move(mark.x, row.y + row.height / 2);
    await dashboard.idle();
    expect(await card.textContent()).toContain(`checkpoint ${at}`);
    await dashboard.press('Enter');
    expect(dashboard.urlValue('view')).toBe('filters');
    expect(dashboard.urlValue('layer')).toBe(layer);
    expect(dashboard.urlValue('filter')).toBe(String(unit));
    expect(await dashboard.checkpoint()).toBe(histories[layer].checkpoints[column - 1]);
    await page.goBack();
    await dashboard.idle();
    // By mouse: the first click goes there, the second opens.
    await dashboard.press('End');
    const box = await page.locator('.rows .pin').boundingBox();
    if (!box) throw new Error('no row');
    await page.mouse.click(mark.x, box.y + box.height / 2);
    await dashboard.idle();
    expect(await dashboard.checkpoint()).toBe(at);
    expect(dashboard.urlValue('view')).toBe('training');
    await page.mouse.click(mark.x, box.y + box.height / 2);
    await dashboard.idle();
    expect(dashboard.urlValue('view')).toBe('filters');
  });

  test('the list leads to a death, by one tab stop', async ({ dashboard }) => {
    await dashboard.view('training', { checkpoint: 'last', 'training.page': 'units' });
    const { page } = dashboard;
    const list = page.getByRole('listbox', { name: 'Deaths and returns' });
    await list.focus();
    await dashboard.press('Home');
    const text = (await list.getByRole('option', { selected: true }).textContent()) ?? '';
    const [layer, unit, at] = /^\s*(\w+) (\d+) dead (?:from|at) (\d+)/.exec(text)!.slice(1);
    expect(await dashboard.checkpoint()).toBe(Number(at));
    expect(dashboard.urlValue('training.layer')).toBe(layer);
    expect(dashboard.urlValue('training.unit')).toBe(unit);
  });

  test('has the units as a table', async ({ dashboard }) => {
    await dashboard.view('training', {
      checkpoint: '0',
      'training.page': 'units',
      'training.layer': 'conv1',
    });
    await dashboard.press('t');
    const tables = dashboard.page.getByRole('complementary', { name: 'Numbers of this view' });
    const heads = await tables.getByRole('columnheader').allTextContents();
    expect(heads.map((text) => text.trim())).toEqual([
      'unit',
      'state now',
      'active share',
      'first death',
      'last death',
      'revived',
    ]);
    expect(await tables.getByRole('row').count()).toBe(17);
    await dashboard.expectAccessible();
  });
});
