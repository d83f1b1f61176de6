// Clusters: their order is renewed when asked, and an opened one follows its images over a change of the metric.
// What makes them (captions, slices, members) is in makes.test.ts.
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { test, type Dashboard } from './dashboard';

interface Overlap {
  images: number;
  parts: { cluster: number; images: number }[];
}

const regions = ({ page }: Dashboard) => page.getByRole('region', { name: /^Cluster \d+:/ });
/** The cards from first to last: the numbers of the clusters in them. */
const cards = (dashboard: Dashboard) =>
  dashboard.page.locator('.slot').evaluateAll((all) =>
    all
      .map((one) => one as HTMLElement)
      .sort((a, b) => Number(a.style.order) - Number(b.style.order))
      .map((one) => one.dataset.cluster),
  );
const orderButton = ({ page }: Dashboard) => page.getByRole('button', { name: /^order fixed at \d+$/ });

test('the bars above them carry the letters of the classes', async ({ dashboard }) => {
  await dashboard.view('clusters', { checkpoint: 'last' });
  const { page } = dashboard;
  const bars = page.getByRole('img', { name: 'Size and class mix of all clusters' });
  const signs = async () => new Set(await bars.locator('.sign').allTextContents());
  expect((await signs()).size).toBeGreaterThan(1);
  // Where there is no room for the names of the groups, their letters stand below.
  await page.setViewportSize({ width: 390, height: 844 });
  await dashboard.idle();
  const below = await bars.locator('text:not(.sign, .size)').allTextContents();
  expect(below.map((text) => text.trim()).filter((text) => /^[a-z]{1,3}$/.test(text)).length).toBeGreaterThan(
    2,
  );
});

describe('the cards', () => {
  test('are sorted again for the checkpoint on the screen on request, in the default order', async ({
    dashboard,
  }) => {
    await dashboard.view('clusters', { checkpoint: '2' });
    const last = await dashboard.last();
    expect(await orderButton(dashboard).textContent()).toBe(`order fixed at ${last}`);
    const before = await cards(dashboard);
    await orderButton(dashboard).click();
    await dashboard.idle();
    await expect.poll(() => orderButton(dashboard).textContent()).toBe('order fixed at 2');
    expect(await cards(dashboard)).not.toEqual(before);
    // The order's own button goes back to what the order says.
    await dashboard.page
      .getByRole('group', { name: 'order' })
      .getByRole('button', { name: 'class', exact: true })
      .click();
    await expect.poll(() => orderButton(dashboard).textContent()).toBe(`order fixed at ${last}`);
    expect(await cards(dashboard)).toEqual(before);
  });
});

describe('an opened cluster', () => {
  /** In which clusters of another set (another layer or metric) the images of each cluster are, as the server says. */
  const overlaps = async ({ page, run }: Dashboard, from: string[], to: string[]): Promise<Overlap[]> =>
    page.evaluate(
      async ([run, layer, metric, to_layer, to_metric]) => {
        const base = `api/runs/${run}/checkpoints/last/clusters`;
        const query = new URLSearchParams({ layer, metric, to_layer, to_metric }).toString();
        const read = async (url: string) => (await (await fetch(url)).json()) as unknown;
        return Promise.all(
          Array.from({ length: 30 }, (_, k) => read(`${base}/${k}/overlap?${query}`) as Promise<Overlap>),
        );
      },
      [run, ...from, ...to],
    );

  test('keeps its images over a change of layer and metric, never its number', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    const { page } = dashboard;
    const set = page.getByRole('group', { name: 'layer and metric' });
    const [from, to] = (await set.getByRole('button').allTextContents()).map((text) => text.split(', '));
    const found = await overlaps(dashboard, from, to);
    const share = ({ images, parts }: Overlap) => (parts[0]?.images ?? 0) / Math.max(1, images);
    // Those whose images stay together most and least, and one whose number changes.
    const order = found.map((_, k) => k).sort((a, b) => share(found[b]) - share(found[a]));
    const renumbered = order.find((k) => share(found[k]) > 0.5 && found[k].parts[0].cluster !== k);
    for (const number of [order[0], renumbered, order.at(-1)]) {
      if (number === undefined) continue;
      await dashboard.view('clusters', { checkpoint: 'last', 'clusters.open': String(number) });
      await set.getByRole('button', { name: to.join(', ') }).click();
      await dashboard.idle();
      const largest = found[number].parts[0];
      if (share(found[number]) > 0.5) {
        await expect.poll(() => dashboard.urlValue('clusters.open')).toBe(String(largest.cluster));
        expect(await page.getByRole('region', { name: `Cluster ${largest.cluster} opened` }).count()).toBe(1);
        continue;
      }
      // Where no cluster has most of them none is open, and a text lists where they are.
      const said = page.locator('.scattered');
      await expect.poll(() => said.count()).toBe(1);
      expect(dashboard.urlValue('clusters.open')).toBeNull();
      const text = ((await said.textContent()) ?? '').replace(/\s+/g, ' ');
      expect(text).toContain(`are in ${found[number].parts.length} clusters here`);
      await said.getByRole('button').click();
      await dashboard.idle();
      expect(dashboard.urlValue('clusters.open')).toBe(String(largest.cluster));
      expect(await said.count()).toBe(0);
    }
    expect(renumbered).toBeDefined();
  });

  test('is closed over a change of the split, which has other images', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last', 'clusters.open': '3' });
    expect(await dashboard.page.getByRole('region', { name: /^Cluster 3 opened/ }).count()).toBe(1);
    await dashboard.page.getByRole('group', { name: 'split' }).getByRole('button', { name: 'train' }).click();
    await dashboard.idle();
    expect(await regions(dashboard).count()).toBe(30);
    expect(dashboard.urlValue('clusters.open')).toBeNull();
    expect(await dashboard.page.getByRole('region', { name: /opened/ }).count()).toBe(0);
  });
});

describe('a saved picture of the clusters', () => {
  test('holds every card whole, also those that are scrolled out of sight', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    const { page } = dashboard;
    const list = page.locator('.list');
    expect(await list.evaluate((node) => node.scrollHeight > node.clientHeight + 50)).toBe(true);
    await list.evaluate((node) => (node.scrollTop = 120));
    await page.getByRole('button', { name: /^Export/ }).click();
    const saved = async (kind: string) => {
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: `Save Clusters as ${kind}` }).click(),
      ]);
      return readFileSync(await file.path());
    };
    const svg = (await saved('SVG')).toString();
    const [width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!.slice(1).map(Number);
    const pictures = [
      ...svg.matchAll(/<image x="([\d.-]+)" y="([\d.-]+)" width="([\d.]+)" height="([\d.]+)"/g),
    ].map((match) => match.slice(1).map(Number));
    // Twenty images of each of thirty clusters, on one canvas each; the title stands above all of them.
    expect(pictures.length).toBe(30);
    for (const [x, y, wide, high] of pictures) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(y).toBeGreaterThan(24);
      expect(x + wide).toBeLessThanOrEqual(width);
      expect(y + high).toBeLessThanOrEqual(height);
    }
    const png = await saved('PNG');
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([2 * width, 2 * height]);
  });
});
