// Clusters: their order is renewed when asked, and an opened one follows its images over a change of the metric.
import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { test, type Dashboard } from './dashboard';

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

describe('the cards', () => {
  test('are arranged anew for the checkpoint on the screen when asked, in the default order', async ({
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
  /** The nearest images of every cluster, as the server lists them. */
  const nearest = async ({ page }: Dashboard, layer: string, metric: string): Promise<number[][]> =>
    page.evaluate(
      async ([run, layer, metric]) => {
        const url = `api/runs/${run}/checkpoints/last/clusters?split=test&layer=${layer}&metric=${metric}`;
        const { clusters } = (await (await fetch(url)).json()) as {
          clusters: { nearest: { id: number }[] }[];
        };
        return clusters.map((one) => one.nearest.map(({ id }) => id));
      },
      [new URLSearchParams(new URL(page.url()).hash.slice(1)).get('run') ?? '', layer, metric],
    );

  test('keeps its images over a change of layer and metric, never its number', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    const { page } = dashboard;
    const set = page.getByRole('group', { name: 'layer and metric' });
    const [from, to] = (await set.getByRole('button').allTextContents()).map((text) => text.split(', '));
    const there = await nearest(dashboard, to[0], to[1]);
    for (const [number, ids] of (await nearest(dashboard, from[0], from[1])).slice(0, 8).entries()) {
      await dashboard.view('clusters', { checkpoint: 'last', 'clusters.open': String(number) });
      await set.getByRole('button', { name: to.join(', ') }).click();
      await dashboard.idle();
      await expect.poll(() => page.locator('.list').getAttribute('data-checkpoint')).not.toBeNull();
      const open = dashboard.said('clusters.open');
      const shared = (k: number) => there[k].filter((id) => ids.includes(id)).length;
      // What is open holds more of its images than any other; where none clearly does, none is open.
      if (open === null) continue;
      expect(shared(Number(open))).toBe(Math.max(...there.map((_, k) => shared(k))));
      expect(shared(Number(open))).toBeGreaterThan(0);
    }
  });

  test('is closed where the other set has none of its images', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last', 'clusters.open': '3' });
    expect(await dashboard.page.getByRole('region', { name: /^Cluster 3 opened/ }).count()).toBe(1);
    await dashboard.page.getByRole('group', { name: 'split' }).getByRole('button', { name: 'train' }).click();
    await dashboard.idle();
    expect(await regions(dashboard).count()).toBe(30);
    expect(dashboard.said('clusters.open')).toBeNull();
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
