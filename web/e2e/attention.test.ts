// A small vision transformer: what a token attends to, over the image, by pointer, keys and touch.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { deepviz, Server } from './server';

const RUN = 'vit';
const WEIGHTS = 'attention_weights';

const layer = (name: string, rest: string) => `[[layer]]\nname = "${name}"\n${rest}\n`;
const normal = 'init = { type = "normal", std = 0.2 }';
/** 16 tokens of the image and a class token, two heads. */
const RECIPE = [
  layer('patches', `type = "conv"\nfilters = 8\nsize = 8\nstride = 8\n${normal}`),
  layer('class_token', 'type = "class_token"'),
  layer('position', 'type = "position"'),
  layer('norm', 'type = "layer_norm"'),
  layer('queries', `type = "conv"\nfilters = 8\nsize = 1\n${normal}`),
  layer('keys', `type = "conv"\nfilters = 8\nsize = 1\n${normal}\ninputs = ["norm"]`),
  layer('values', `type = "conv"\nfilters = 8\nsize = 1\n${normal}\ninputs = ["norm"]`),
  layer(WEIGHTS, 'type = "attention_weights"\nheads = 2\ninputs = ["queries", "keys"]'),
  layer('attn', `type = "attention"\ninputs = ["${WEIGHTS}", "values"]`),
  layer('first', 'type = "crop"\nheight = 1\nwidth = 1'),
  layer('fc', `type = "full"\noutputs = 10\n${normal}`),
  layer('probabilities', 'type = "softmax"'),
  '[train]\nbatch = 50\noptimiser = "pytorch"\nmomentum = 0.9\nseed = 1\nstages = [{ epochs = 2, rate = 0.001 }]\n',
  '[snapshots]\nevery = "1 epoch"\n',
].join('\n');

let folder: string;
let server: Server;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepviz-e2e-'));
  writeFileSync(join(folder, 'vit.toml'), RECIPE);
  deepviz(folder, 'corpus', 'make', 'shapes', '--out', 'shapes', '--images', '150');
  deepviz(folder, 'train', 'vit.toml', '--corpus', 'shapes', '--out', RUN);
  deepviz(folder, 'stats', RUN);
  server = await Server.start(folder, RUN);
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

async function opened(options: { hasTouch?: boolean; width?: number } = {}): Promise<Dashboard> {
  const viewport = { width: options.width ?? 1440, height: 900 };
  const context = await (
    await launched()
  ).newContext({ viewport, reducedMotion: 'reduce', hasTouch: options.hasTouch });
  const dashboard = new Dashboard(await context.newPage(), server.origin, RUN);
  await dashboard.view('image', { image: '140' });
  return dashboard;
}
const section = ({ page }: Dashboard) => page.getByRole('region', { name: 'Attention' });
const tokens = (dashboard: Dashboard) =>
  section(dashboard).getByRole('listbox', { name: 'Tokens of image 140' });
const shownToken = (dashboard: Dashboard) => section(dashboard).getAttribute('data-token');
/** Half of the second column, a little below the first row's middle. */
const inside = { x: 48, y: 20 };

describe('attention', () => {
  test('of the class token is shown at first, over the image, for the mean and every head', async () => {
    const dashboard = await opened();
    await expect.poll(() => shownToken(dashboard)).toBe('class');
    const names = section(dashboard).locator('figcaption span:first-child');
    expect(await names.allTextContents()).toEqual(['mean', 'head 0', 'head 1']);
    const [tile] = await section(dashboard).locator('figure canvas').all();
    expect((await tile.boundingBox())?.width).toBeGreaterThanOrEqual(96);
    await expect
      .poll(() =>
        section(dashboard)
          .getByText(/largest 0\.\d{3}: head [01] to/)
          .count(),
      )
      .toBe(1);
    await dashboard.expectAccessible();
    dashboard.expectClean();
    await dashboard.page.context().close();
  });

  test('follows the pointer, keeps what is clicked, and the keys move it', async () => {
    const dashboard = await opened();
    const head = section(dashboard).locator('figure canvas').nth(1);
    await head.hover({ position: inside });
    await expect.poll(() => shownToken(dashboard)).toMatch(/^0,[01]$/);
    expect(dashboard.urlValue('image.token')).toBeNull();
    await dashboard.page.mouse.move(5, 5);
    await expect.poll(() => shownToken(dashboard)).toBe('class');
    await head.click({ position: inside });
    const kept = await shownToken(dashboard);
    await expect.poll(() => dashboard.urlValue('image.token')).toBe(kept);
    await dashboard.page.mouse.move(5, 5);
    await tokens(dashboard).focus();
    const checkpoint = await dashboard.checkpoint();
    for (const [key, token] of [
      ['Home', '0,0'],
      ['ArrowDown', '1,0'],
      ['ArrowRight', '1,1'],
      ['End', '3,3'],
    ]) {
      await dashboard.press(key);
      expect(await shownToken(dashboard)).toBe(token);
    }
    expect(await tokens(dashboard).getByRole('option').textContent()).toBe('row 3, column 3');
    // The arrows were the tokens', not the timeline's.
    expect(await dashboard.checkpoint()).toBe(checkpoint);
    await dashboard.page.reload();
    await dashboard.idle();
    await expect.poll(() => shownToken(dashboard)).toBe('3,3');
    await section(dashboard).getByRole('button', { name: 'class token' }).click();
    await expect.poll(() => dashboard.urlValue('image.token')).toBeNull();
    dashboard.expectClean();
    await dashboard.page.context().close();
  });

  test('follows the timeline without moving', async () => {
    const dashboard = await opened();
    const last = await dashboard.last();
    await expect.poll(() => section(dashboard).getAttribute('data-checkpoint')).toBe(String(last));
    const words = () => section(dashboard).locator('.most').textContent();
    const [before, box] = [await words(), await section(dashboard).boundingBox()];
    await dashboard.press('Home');
    await expect.poll(() => section(dashboard).getAttribute('data-checkpoint')).toBe('0');
    expect(await words()).not.toBe(before);
    expect(await section(dashboard).boundingBox()).toEqual(box);
    dashboard.expectClean();
    await dashboard.page.context().close();
  });

  test('is a table, too, of the token that is kept, the largest weight first', async () => {
    const dashboard = await opened();
    await expect.poll(() => shownToken(dashboard)).toBe('class');
    await dashboard.press('t');
    const tables = dashboard.page.getByRole('complementary', { name: 'Numbers of this view' });
    await tables.getByRole('button', { name: `Attention, ${WEIGHTS}` }).click();
    const heads = tables.getByRole('columnheader');
    expect(await heads.allTextContents()).toEqual([
      'attended to by class token',
      'row',
      'column',
      'mean',
      'head 0',
      'head 1',
    ]);
    const means = await tables.locator('tbody td:nth-child(4)').allTextContents();
    const weights = means.map((text) => Number(text.replace('−', '-')));
    expect(weights).toHaveLength(17);
    expect([...weights].sort((a, b) => b - a)).toEqual(weights);
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 2);
    const learnt = tables.getByRole('row', { name: /^class token / }).getByRole('cell');
    expect((await learnt.allTextContents()).slice(0, 2)).toEqual(['–', '–']);
    await dashboard.expectAccessible();
    await tokens(dashboard).focus();
    await dashboard.press('End');
    await expect.poll(() => heads.first().textContent()).toBe('attended to by row 3, column 3');
    dashboard.expectClean();
    await dashboard.page.context().close();
  });

  test('is chosen by a tap', async () => {
    const dashboard = await opened({ hasTouch: true, width: 820 });
    await section(dashboard).locator('figure canvas').first().tap({ position: inside });
    await expect.poll(() => dashboard.urlValue('image.token')).toMatch(/^0,[0-3]$/);
    dashboard.expectClean();
    await dashboard.page.context().close();
  });
});
