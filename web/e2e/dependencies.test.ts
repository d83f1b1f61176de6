// What a filter is computed from and what is computed from it: the drawing, its curves, and the walk along it.
import type { Locator } from 'playwright-core';
import { describe, expect } from 'vitest';
import { test } from './dashboard';

const numbers = (texts: string[]): number[] => texts.map((text) => Number(text.replace('−', '-')));
const weightsOf = async (drawing: Locator): Promise<number[]> =>
  numbers(await drawing.locator('.unit .num').allTextContents());
/** Names of the units, as they stand. */
const namesOf = (drawing: Locator): Promise<string[]> => drawing.locator('.unit .nm').allTextContents();

describe('connections of a filter', () => {
  test('over the checkpoints, by pointer', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv2', filter: '3' });
    const { page } = dashboard;
    await page.getByRole('button', { name: 'Connections', exact: true }).click();
    await expect.poll(() => dashboard.urlValue('show')).toBe('connections');
    const drawing = page.getByRole('region', { name: 'Connections of filter 3 of conv2' });
    await drawing.waitFor();
    await dashboard.idle();
    await dashboard.expectAccessible();
    const [names, last] = [await namesOf(drawing), await weightsOf(drawing)];
    expect(names).toHaveLength(12);
    expect(names.slice(0, 6).every((name) => name.startsWith('conv1 '))).toBe(true);
    expect(last.every((weight) => Number.isFinite(weight) && weight !== 0)).toBe(true);
    // Orange is positive, blue negative; the line is as thick as the weight is great.
    const lines = drawing.locator('path.line');
    const signs = await lines.evaluateAll((all) => all.map((line) => line.classList.contains('plus')));
    expect(signs).toEqual(last.map((weight) => weight > 0));
    // Each unit is a picture over the image.
    const drawn = await drawing.locator('.unit canvas').evaluateAll((all) =>
      all.map((canvas) => {
        const { width, height } = canvas as HTMLCanvasElement;
        const data = (canvas as HTMLCanvasElement).getContext('2d')!.getImageData(0, 0, width, height).data;
        return data.some((byte) => byte !== 0);
      }),
    );
    expect(drawn).toEqual(Array.from({ length: 12 }, () => true));
    // Time advances; the units and their positions stay.
    const boxes = () =>
      drawing
        .locator('.unit')
        .evaluateAll((all) => all.map((one) => JSON.stringify(one.getBoundingClientRect())));
    const before = await boxes();
    await dashboard.press('Home');
    expect(await namesOf(drawing)).toEqual(names);
    expect(await boxes()).toEqual(before);
    expect(await weightsOf(drawing)).not.toEqual(last);
    await dashboard.press('End');
    expect(await weightsOf(drawing)).toEqual(last);
    // A unit and its curve are highlighted together, either way.
    await drawing.locator('[data-unit="inputs/2"]').hover();
    expect(await drawing.locator('.curves path.reached').count()).toBe(1);
    await page.getByRole('dialog', { name: new RegExp(`^${names[2].replace(' ', ' filter ')}$`) }).waitFor();
    await drawing.locator('.curves button').nth(1).hover();
    await expect.poll(() => drawing.locator('[data-unit="inputs/1"].reached').count()).toBe(1);
    // The other side's curves.
    await drawing.getByRole('button', { name: 'outputs' }).click();
    await expect.poll(() => dashboard.urlValue('connections.of')).toBe('outputs');
    expect(await drawing.locator('.curves button').allTextContents()).toEqual(names.slice(6));
    // A click on the curves goes to the checkpoint there.
    const curves = await drawing.locator('.curves svg').first().boundingBox();
    await page.mouse.click(curves!.x + 4, curves!.y + curves!.height / 2);
    await expect.poll(() => dashboard.checkpoint()).toBe(0);
    // A click on a unit pins it; back returns.
    await drawing.locator('[data-unit="inputs/0"]').click();
    await page
      .getByRole('region', { name: `Connections of filter ${names[0].split(' ')[1]} of conv1` })
      .waitFor();
    expect([dashboard.urlValue('layer'), dashboard.urlValue('filter')]).toEqual(names[0].split(' '));
    await page.goBack();
    await page.getByRole('region', { name: 'Connections of filter 3 of conv2' }).waitFor();
    await dashboard.idle();
  });

  test('by key, from the colours of the image to a class', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv1', filter: '0' });
    const { page } = dashboard;
    await dashboard.press('d');
    await expect.poll(() => dashboard.urlValue('show')).toBe('connections');
    const drawing = page.locator('.drawing');
    await drawing.waitFor();
    expect((await namesOf(drawing)).slice(0, 3).sort()).toEqual(['blue', 'green', 'red']);
    await drawing.locator('[data-unit="unit"]').focus();
    // A colour of the image is reached, and is no unit that could be pinned.
    await dashboard.press('ArrowLeft');
    await dashboard.press('Enter');
    expect(dashboard.urlValue('layer')).toBe('conv1');
    await dashboard.press('ArrowRight');
    const layers = ['conv1'];
    while ((await drawing.locator('.unit.outputs').count()) > 0) {
      await dashboard.press('ArrowRight');
      const name = await drawing.locator(':focus .nm').textContent();
      await dashboard.press('Enter');
      // The unit is in the middle then, and so is the focus.
      await expect.poll(() => page.locator('.drawing [data-unit="unit"]:focus').count()).toBe(1);
      await dashboard.idle();
      const layer = dashboard.urlValue('layer')!;
      expect(layers).not.toContain(layer);
      layers.push(layer);
      if ((await drawing.locator('.unit.outputs').count()) > 0) expect(name).toContain(layer);
    }
    await page.getByText('no unit is computed from it').first().waitFor();
    await dashboard.expectAccessible();
    // The last one is a class, by its name; its neighbours by the buttons.
    const heading = page.getByRole('heading', { name: / of fc10\)/ });
    const name = await heading.textContent();
    const to = page.getByRole('button', {
      name: dashboard.urlValue('filter') === '0' ? 'Next filter' : 'Previous filter',
    });
    await to.focus();
    await dashboard.press('Enter');
    await expect.poll(() => heading.textContent()).not.toBe(name);
    await dashboard.press('d');
    await expect.poll(() => dashboard.urlValue('show')).toBeNull();
  });

  test('of a layer without weights, in a table, and where nothing is pinned', async ({ dashboard }) => {
    await dashboard.view('filters', { layer: 'relu2', filter: '2', show: 'connections' });
    const { page } = dashboard;
    await page
      .getByRole('region', { name: 'Connections of filter 2 of conv2' })
      .getByText('relu2 passes it on')
      .waitFor();
    await dashboard.press('t');
    const tables = page.getByRole('complementary', { name: 'Numbers of this view' });
    await tables.waitFor();
    expect(await tables.textContent()).toContain('listens to');
    await dashboard.press('Escape');
    await dashboard.view('filters', { layer: 'conv2', filter: 'none', show: 'connections' });
    await page.getByRole('button', { name: 'pin filter 0' }).click();
    await page.getByRole('region', { name: 'Connections of filter 0 of conv2' }).waitFor();
    await dashboard.idle();
  });

  test('in a narrow window', async ({ dashboard }) => {
    const { page } = dashboard;
    await page.setViewportSize({ width: 390, height: 844 });
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv2', filter: '3', show: 'connections' });
    await page.locator('.drawing').waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    const heights = await page
      .locator('.drawing .unit')
      .evaluateAll((all) => all.map((one) => one.clientHeight));
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(44);
    await dashboard.expectAccessible();
  });
});

describe('the bank over the image', () => {
  test('by pointer, over the checkpoints', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv2', filter: '3' });
    const { page } = dashboard;
    const over = page.getByRole('group', { name: 'weights over' });
    await over.getByRole('button', { name: 'image' }).click();
    await expect.poll(() => dashboard.urlValue('bank.space')).toBe('pixels');
    const bank = page.getByRole('listbox', { name: 'Filter bank of conv2' });
    await page.getByText('Filters over the image').waitFor();
    await dashboard.idle();
    await page.getByText(/carried through the layers below as if these were linear/).waitFor();
    await dashboard.expectAccessible();
    // In colours, another picture at each checkpoint, in one place.
    const look = () =>
      bank.locator('canvas').evaluate((canvas: HTMLCanvasElement) => {
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        const isColoured = data.some((byte, i) => i % 4 === 0 && Math.abs(byte - data[i + 1]) > 20);
        return { isColoured, sum: data.reduce((a, b) => a + b, 0) };
      });
    const [last, box] = [await look(), await bank.boundingBox()];
    expect(last.isColoured).toBe(true);
    await dashboard.press('Home');
    expect((await look()).sum).not.toBe(last.sum);
    expect(await bank.boundingBox()).toEqual(box);
    await dashboard.press('End');
    expect((await look()).sum).toBe(last.sum);
    // The values of a pixel, in three colours.
    await bank.hover({ position: { x: 4, y: 4 } });
    const tip = page.locator('.tip');
    await expect.poll(() => tip.textContent()).toMatch(/filter 0.*R .*G .*B /);
    // Another layer is over the image, too; units of a flat layer are called that.
    await page.mouse.move(4, 4);
    await dashboard.press(']');
    while (dashboard.urlValue('layer') !== 'fc48') await dashboard.press(']');
    await page.getByText('Units over the image').waitFor();
    await dashboard.idle();
    await page.getByRole('listbox', { name: 'Filter bank of fc48' }).hover({ position: { x: 4, y: 4 } });
    await expect.poll(() => tip.textContent()).toMatch(/unit 0.*R /);
  });

  test('by key; the first layer is that already', async ({ dashboard }) => {
    await dashboard.view('filters', { layer: 'conv2', filter: '3' });
    const { page } = dashboard;
    await dashboard.press('s');
    await page.getByText('Filters over the image').waitFor();
    const bank = page.getByRole('listbox', { name: 'Filter bank of conv2' });
    await bank.focus();
    await dashboard.press('ArrowRight');
    expect(dashboard.urlValue('filter')).toBe('4');
    await dashboard.view('filters', { layer: 'conv1', filter: '3', 'bank.space': 'pixels' });
    await page.getByText('Filters in RGB').waitFor();
    expect(await page.getByRole('group', { name: 'weights over' }).count()).toBe(0);
    await dashboard.view('filters', { layer: 'conv2', filter: '3', 'bank.space': 'pixels' });
    await page.getByText('Filters over the image').waitFor();
    await dashboard.press('s');
    await page.getByText('Filters in rows, channels in columns').waitFor();
  });
});
