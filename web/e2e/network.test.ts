// The network strip of a network with residual sums, branches, a concatenation and a gate: what is drawn, folded and
// unfolded, by mouse and by keyboard, and the same as a table.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Dashboard, launched, test, type Theme } from './dashboard';
import { deepviz, Server } from './server';

const RUN = 'branched';
const conv = (filters: number, size: number) =>
  `type = "conv"\nfilters = ${filters}\nsize = ${size}\npadding = ${(size - 1) / 2}\ninit = { type = "normal", std = 0.05 }`;
const full = (outputs: number) => `type = "full"\noutputs = ${outputs}\ninit = { type = "normal", std = 0.05 }`;
const layer = (name: string, settings: string, ...inputs: string[]) =>
  `[[layer]]\nname = "${name}"\n${settings}\n${inputs.length ? `inputs = [${inputs.map((one) => `"${one}"`).join(', ')}]\n` : ''}`;

/** Two residual blocks, a module of three branches, squeeze and excitation: 28 layers with the image. */
function recipe(): string {
  const residual = (name: string, input: string) => [
    layer(`${name}_conv1`, conv(8, 3), input),
    layer(`${name}_relu1`, 'type = "relu"'),
    layer(`${name}_conv2`, conv(8, 3)),
    layer(`${name}_sum`, 'type = "add"', `${name}_conv2`, input),
    layer(`${name}_relu2`, 'type = "relu"'),
  ];
  return [
    layer('stem', conv(8, 3)),
    layer('start', 'type = "pool"\npool = "max"\nsize = 2\nstride = 2'),
    ...residual('block1', 'start'),
    ...residual('block2', 'block1_relu2'),
    layer('wide_a', conv(8, 1), 'block2_relu2'),
    layer('wide_b1', conv(4, 1), 'block2_relu2'),
    layer('wide_b2', conv(8, 3)),
    layer('wide_b3', 'type = "relu"'),
    layer('wide_c', conv(4, 3), 'block2_relu2'),
    layer('wide_all', 'type = "concat"', 'wide_a', 'wide_b3', 'wide_c'),
    layer('gate_mean', 'type = "global_average"'),
    layer('gate_down', full(4)),
    layer('gate_relu', 'type = "relu"'),
    layer('gate_up', full(20)),
    layer('gate_share', 'type = "hard_sigmoid"'),
    layer('gate_product', 'type = "multiply"', 'wide_all', 'gate_share'),
    layer('mean', 'type = "global_average"'),
    layer('classes', full(10)),
    layer('probabilities', 'type = "softmax"'),
    '[train]\nbatch = 50\noptimiser = "pytorch"\nmomentum = 0.9\nseed = 1\nstages = [{ epochs = 1, rate = 0.01 }]\n',
    '[snapshots]\nevery = "1 epoch"\n',
  ].join('\n');
}

let folder: string;
let server: Server;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'deepviz-e2e-'));
  writeFileSync(join(folder, 'branched.toml'), recipe());
  deepviz(folder, 'corpus', 'make', 'shapes', '--out', 'shapes', '--images', '150');
  deepviz(folder, 'train', 'branched.toml', '--corpus', 'shapes', '--out', RUN);
  deepviz(folder, 'stats', RUN, '--layers', 'stem');
  server = await Server.start(folder, RUN);
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

async function opened(layer: string, more: Record<string, string> = {}, theme: Theme = 'light') {
  const context = await (
    await launched()
  ).newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce', colorScheme: theme });
  const dashboard = new Dashboard(await context.newPage(), server.origin, RUN);
  await dashboard.view('filters', { layer, checkpoint: 'last', ...more });
  const strip = dashboard.page.getByRole('navigation', { name: 'Network' });
  return {
    dashboard,
    page: dashboard.page,
    strip,
    node: (name: string) => strip.locator(`[data-layer="${name}"]`),
  };
}
const left = async (node: Locator) => (await node.boundingBox())!.x;
const top = async (node: Locator) => (await node.boundingBox())!.y;
const focused = (page: Dashboard['page']) =>
  page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset.layer ?? null);

describe('the network strip', () => {
  test('folds modules, and draws the skips of what is in them', async () => {
    const { page, strip, node } = await opened('stem');
    expect(await strip.locator('.nd').count()).toBe(10);
    expect(await node('block1').textContent()).toMatch(/block1.*5 layers/);
    expect(await node('block1').getAttribute('aria-expanded')).toBe('false');
    expect(await strip.locator('path.arc').count()).toBe(2);
    await node('gate').hover();
    const tip = page.getByRole('tooltip').or(page.locator('.tip'));
    await expect.poll(() => tip.textContent()).toContain('1 multiply');
    await node('block1').click();
    expect(await node('block1_sum').count()).toBe(1);
    expect(await node('block2').count()).toBe(1);
    await strip.getByRole('button', { name: 'fold block1' }).click();
    expect(await node('block1_sum').count()).toBe(0);
    await page.context().close();
  });

  test('draws branches side by side and sums, products and concatenations as signs', async () => {
    const { dashboard, page, strip, node } = await opened('wide_b2', { modules: 'open' });
    expect(await strip.locator('.nd').count()).toBe(28);
    const [a, b1, c] = [node('wide_a'), node('wide_b1'), node('wide_c')];
    expect(await left(a)).toBe(await left(b1));
    expect(await left(c)).toBe(await left(b1));
    expect(new Set([await top(a), await top(b1), await top(c)]).size).toBe(3);
    expect(await strip.locator('circle.sign').count()).toBe(3);
    expect(await node('wide_all').textContent()).toContain('8 + 8 + 4');
    expect(await node('block1_sum').textContent()).toContain('2 inputs (block1_conv2, start)');
    // The way to the chosen layer: through both blocks with their skips, not through the other branches.
    const way = strip.locator('path.path');
    const before = await way.count();
    await a.click();
    await expect.poll(() => way.count()).toBe(before - 1);
    // The connections into what the pointer rests on.
    await node('gate_product').hover();
    expect(await strip.locator('path.reached').count()).toBe(2);
    await dashboard.expectAccessible();
    await page.context().close();
  });

  test('is one stop of Tab; arrows follow the connections, Enter chooses', async () => {
    const { dashboard, page, strip, node } = await opened('block2_relu2', { modules: 'open' });
    expect(await strip.locator('.nd[tabindex="0"]').count()).toBe(1);
    await node('block2_relu2').focus();
    const steps: [string, string][] = [
      ['ArrowRight', 'wide_b1'],
      ['ArrowDown', 'wide_a'],
      ['ArrowDown', 'wide_c'],
      ['ArrowRight', 'wide_all'],
      ['ArrowLeft', 'wide_b3'],
      ['ArrowLeft', 'wide_b2'],
    ];
    const checkpoint = await dashboard.checkpoint();
    for (const [key, to] of steps) {
      await dashboard.press(key);
      await expect.poll(() => focused(page)).toBe(to);
    }
    expect(await dashboard.checkpoint()).toBe(checkpoint);
    await dashboard.press('Enter');
    expect(dashboard.urlValue('layer')).toBe('wide_b2');
    await dashboard.press('End');
    await expect.poll(() => focused(page)).toBe('probabilities');
    expect(await strip.locator('.nd[tabindex="0"]').count()).toBe(1);
    await page.context().close();
  });

  test('opens and folds a module by keyboard, and keeps the focus', async () => {
    const { dashboard, page, strip, node } = await opened('stem');
    await node('wide').focus();
    await dashboard.press('Enter');
    await expect.poll(() => focused(page)).toBe('wide_a');
    await strip.getByRole('button', { name: 'fold wide' }).focus();
    await dashboard.press('Enter');
    await expect.poll(() => focused(page)).toBe('wide');
    await page.context().close();
  });

  test('is a table too', async () => {
    const { dashboard, page } = await opened('stem');
    await dashboard.press('t');
    const tables = page.getByRole('complementary', { name: 'Numbers of this view' });
    await tables.getByRole('button', { name: 'Network' }).click();
    const row = tables.getByRole('row', { name: /^wide_all / });
    expect(await row.getByRole('cell').allTextContents()).toEqual([
      'concat',
      expect.stringMatching(/^20 × /),
      '0',
      'wide_a, wide_b3, wide_c',
      '8 + 8 + 4',
      'gate_mean, gate_product',
    ]);
    await page.context().close();
  });

  for (const theme of ['dark', 'light'] as const)
    test(`has no accessibility violation in the ${theme} theme, and stays within narrow windows`, async () => {
      const { dashboard, page, strip } = await opened('gate_up', {}, theme);
      await dashboard.expectAccessible();
      for (const width of [390, 820]) {
        await page.setViewportSize({ width, height: 900 });
        await dashboard.idle();
        const box = (await strip.boundingBox())!;
        expect(box.x + box.width).toBeLessThanOrEqual(width);
        // What is touched is as high as a finger.
        for (const name of await strip.getByRole('button', { name: /^fold / }).all())
          expect((await name.boundingBox())!.height).toBeGreaterThanOrEqual(44);
      }
      await page.context().close();
    });
});

describe('filters over the image', () => {
  test('are none behind a product, which a message explains', async () => {
    const { dashboard, page } = await opened('classes', { filter: '2' });
    const over = page.getByRole('group', { name: 'weights over' });
    await over.getByRole('button', { name: 'image' }).click();
    await page.getByText('gate_product').last().waitFor();
    await dashboard.idle();
    dashboard.expected(/400: .*space=pixels/);
    // Only the stem has statistics.
    dashboard.expected(/409: .*(activity|top)/);
    dashboard.expected(/console: .*(400|409)/);
    await dashboard.expectAccessible();
    await page.getByRole('button', { name: 'over channels' }).click();
    await page.getByRole('listbox', { name: 'Filter bank of classes' }).waitFor();
    await expect.poll(() => dashboard.urlValue('bank.space')).toBeNull();
    // Connections go through it as far as channels stay apart; units without a picture have their number or class.
    await dashboard.press('d');
    const drawing = page.getByRole('region', { name: /^Connections of/ });
    await drawing.getByText(/^the filters of classes are not filters over the image: .*gate_product/).waitFor();
    await dashboard.idle();
    expect(await drawing.locator('.unit .bare, .middle .bare').count()).toBeGreaterThan(0);
    await dashboard.expectAccessible();
    dashboard.expectClean();
    await page.context().close();
  });

  test('are none of a sum, which has maps', async () => {
    const { dashboard, page } = await opened('block2_conv1', { filter: '1', show: 'connections' });
    const drawing = page.getByRole('region', { name: 'Connections of filter 1 of block2_conv1' });
    await drawing.waitFor();
    await dashboard.idle();
    const names = await drawing.locator('.unit.inputs .nm').allTextContents();
    expect(names.every((name) => name.startsWith('block1_sum '))).toBe(true);
    // A sum has maps and no filters of its own: its units have their numbers.
    const numbers = await drawing.locator('.unit.inputs .bare').allTextContents();
    expect(names).toEqual(numbers.map((number) => `block1_sum ${number}`));
    expect(await drawing.locator('.unit.outputs .bare').count()).toBe(0);
    await drawing.getByText('block1_sum (add) has no filters of its own').waitFor();
    await drawing.locator('[data-unit="inputs/0"]').click();
    await page.getByRole('region', { name: `Connections of map ${numbers[0]} of block1_sum` }).waitFor();
    await dashboard.idle();
    dashboard.expectClean();
    await page.context().close();
  });
});
