// A network of many layers with long names, most of them left out of its statistics: nothing reaches past the window, and
// missing statistics are reported with the command that computes them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { deepviz, Server } from './server';

const RUN = 'deep';
const WIDTHS = [390, 820, 1280, 1440, 1920];
const LAYER = 'features-denseblock3-denselayer2-convolution_of_the_bottleneck';
const HEAD = 'classifier_of_all_the_features';

const layer = (name: string, rest: string) => `[[layer]]\nname = "${name}"\n${rest}\n`;
const normal = 'init = { type = "normal", std = 0.05 }';
function recipe(): string {
  const layers = [1, 2, 3].flatMap((block) =>
    [1, 2, 3, 4, 5].flatMap((unit) => {
      const path = `features-denseblock${block}-denselayer${unit}`;
      return [
        layer(
          `${path}-convolution_of_the_bottleneck`,
          `type = "conv"\nfilters = 8\nsize = 3\npadding = 1\n${normal}`,
        ),
        layer(`${path}-relu`, 'type = "relu"'),
      ];
    }),
  );
  return [
    ...layers,
    layer(HEAD, `type = "full"\noutputs = 10\n${normal}`),
    layer('probabilities', 'type = "softmax"'),
    '[train]\nbatch = 50\noptimiser = "pytorch"\nmomentum = 0.9\nseed = 1\nstages = [{ epochs = 1, rate = 0.01 }]\n',
    '[snapshots]\nevery = "1 epoch"\n',
  ].join('\n');
}

let folder: string;
let server: Server;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepviz-e2e-'));
  writeFileSync(join(folder, 'deep.toml'), recipe());
  deepviz(folder, 'corpus', 'make', 'shapes', '--out', 'shapes', '--images', '150');
  deepviz(folder, 'train', 'deep.toml', '--corpus', 'shapes', '--out', RUN);
  deepviz(folder, 'stats', RUN, '--layers', HEAD);
  server = await Server.start(folder, RUN);
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

async function dashboardOf(width: number): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: { width, height: 900 }, reducedMotion: 'reduce' });
  return new Dashboard(await context.newPage(), server.origin, RUN);
}

/** Controls and headings that overflow a container that cannot be scrolled. */
const pastTheEdge = (page: Page) =>
  page.evaluate(() => {
    const found: string[] = [];
    for (const one of document.querySelectorAll<HTMLElement>('main :is(button, input, h1, h2, .meta)')) {
      const box = one.getBoundingClientRect();
      let around = one.parentElement;
      while (around && getComputedStyle(around).overflowX === 'visible') around = around.parentElement;
      if (!around || !box.width || around === document.documentElement) continue;
      if (['auto', 'scroll'].includes(getComputedStyle(around).overflowX)) continue;
      if (box.right > around.getBoundingClientRect().right + 1)
        found.push(`${one.tagName} ${one.textContent ?? ''}`);
    }
    return found;
  });

describe('a network of 33 layers with long names', () => {
  for (const width of WIDTHS)
    test(`stays within a window of ${width} pixels`, async () => {
      const dashboard = await dashboardOf(width);
      const { page } = dashboard;
      for (const view of ['filters', 'compare', 'training', 'image', 'clusters']) {
        await dashboard.view(view, { layer: LAYER, image: '0', checkpoint: 'last' });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        expect(wide, view).toBeLessThanOrEqual(width);
        expect(await pastTheEdge(page), view).toEqual([]);
        if (view === 'filters') {
          expect(await page.getByRole('heading', { level: 1 }).getAttribute('title')).toBe(LAYER);
          // Strip and head are within the window also where the page is wider and scrolled.
          const bars = page.locator('nav.net, .stage > .vbar');
          const ends = await bars.evaluateAll((all) => all.map((one) => one.getBoundingClientRect().right));
          expect(Math.max(...ends)).toBeLessThanOrEqual(width);
        }
      }
      await page.context().close();
    });
});

describe('a layer that the statistics leave out', () => {
  // The answers of 409 are what is tested: these pages are not asked to be clean.
  test('is reported with the command, and not as an error', async () => {
    const dashboard = await dashboardOf(1440);
    const { page } = dashboard;
    await dashboard.view('filters', { layer: LAYER, filter: '1', channel: '0', image: '0', checkpoint: '1' });
    const pinned = page.getByRole('region', { name: 'Pinned filter' });
    const note = pinned.getByRole('status').filter({ hasText: 'leave out' }).first();
    expect(await note.textContent()).toMatch(/the statistics of checkpoint 1 \(test\) leave out features-/);
    const command = await note.locator('code').textContent();
    expect(command).toMatch(/^deepviz stats RUN --layers features-denseblock3-denselayer2-/);
    expect(await page.getByRole('alert').count()).toBe(0);
    await dashboard.expectAccessible();

    const [, , , , name] = command!.split(' ');
    deepviz(folder, 'stats', RUN, '--layers', name);
    await note.getByRole('button', { name: 'try again' }).click();
    await expect.poll(() => pinned.getByText(`leave out ${name}`).count()).toBe(0);
    await page.context().close();
  });

  test('is reported in Training', async () => {
    const dashboard = await dashboardOf(1440);
    await dashboard.view('training', { checkpoint: '1' });
    const main = () => dashboard.page.getByRole('main').textContent();
    await expect.poll(main).toContain('leave out features-denseblock1-denselayer1-relu');
    expect(await main()).toContain('deepviz stats RUN --layers features-denseblock1-denselayer1-relu');
    expect(await main()).not.toContain('no statistics of the test images');
    await dashboard.expectAccessible();
    await dashboard.page.context().close();
  });
});
