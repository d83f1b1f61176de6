// A layer of more filters than a page holds: its pages, the order of its filters, and both in the address.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { deepviz, Server } from './server';

const RUN = 'wide';
let folder: string;
let server: Server;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepviz-e2e-'));
  deepviz(folder, 'corpus', 'make', 'shapes', '--out', 'shapes', '--images', '200');
  const wide = ['--set', 'layer.6.filters=320', '--snapshot-every', '2 steps', '--epochs', '1'];
  deepviz(folder, 'train', 'shapes-quick', '--corpus', 'shapes', '--out', RUN, ...wide);
  deepviz(folder, 'stats', RUN);
  server = await Server.start(folder, RUN);
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

async function open(layer: string, more: Record<string, string> = {}): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
  const dashboard = new Dashboard(await context.newPage(), server.origin, RUN);
  await dashboard.view('filters', { layer, checkpoint: '1', image: '0', ...more });
  return dashboard;
}

const pageText = ({ page }: Dashboard) => page.getByRole('group', { name: 'Page of filters' }).textContent();

describe('a layer of 320 filters', () => {
  test('has pages, by button and by key', async () => {
    const dashboard = await open('conv3');
    const { page } = dashboard;
    expect(await pageText(dashboard)).toMatch(/filters 1–\d+ of 320/);
    await page.getByRole('button', { name: 'Next page of filters' }).click();
    await dashboard.idle();
    const from = Number(dashboard.urlValue('bank.from'));
    expect(from).toBeGreaterThan(0);
    expect(await pageText(dashboard)).toContain(`filters ${from + 1}–`);
    const bank = page.getByRole('listbox', { name: 'Filter bank of conv3' });
    await bank.focus();
    await dashboard.press('PageUp');
    expect(dashboard.urlValue('bank.from')).toBe('0');
    // The arrows move the pin among the filters of the page.
    await dashboard.press('PageDown');
    await dashboard.press('Home');
    expect(dashboard.urlValue('filter')).toBe(String(from));
    dashboard.expectClean();
    await page.context().close();
  });

  test('is sorted by norm, change and activity, and stays so while one scrubs', async () => {
    const dashboard = await open('conv3');
    const { page } = dashboard;
    for (const by of ['norm', 'change', 'activity']) {
      await page.getByRole('group', { name: 'sort by' }).getByRole('button', { name: by }).click();
      await dashboard.idle();
      expect(dashboard.urlValue('bank.sort')).toBe(by);
      expect(dashboard.urlValue('bank.at')).toBe('1');
      const bank = page.getByRole('listbox', { name: 'Filter bank of conv3' });
      await bank.focus();
      await dashboard.press('Home');
      const first = dashboard.urlValue('filter');
      await dashboard.page.getByRole('slider', { name: 'Checkpoint' }).focus();
      await dashboard.press('End');
      await bank.focus();
      await dashboard.press('Home');
      expect(dashboard.urlValue('filter')).toBe(first);
      expect(await page.getByRole('button', { name: /^order of \d+$/ }).count()).toBe(1);
      await dashboard.page.getByRole('slider', { name: 'Checkpoint' }).focus();
      await dashboard.press('Home');
      await dashboard.press('ArrowRight');
    }
    dashboard.expectClean();
    await page.context().close();
  });

  test('is shown whole where it is small', async () => {
    const dashboard = await open('conv2', { 'bank.sort': 'norm', 'bank.from': '8' });
    expect(await dashboard.page.getByRole('group', { name: 'sort by' }).count()).toBe(0);
    dashboard.expectClean();
    await dashboard.page.context().close();
  });
});
