// What makes a cluster: captions (properties that set its images apart), slices (all images that have such a property),
// all members, mean images, and where its images are in another set of clusters.
import { describe, expect } from 'vitest';
import { Dashboard, launched, test } from './dashboard';

interface Caption {
  subject: string;
  name: string;
  text: string;
  effect: number;
  side: string;
  threshold: number | null;
  repeats: number | null;
}
interface Captions {
  clusters: { index: number; class: number | null; images: [number, number]; captions: Caption[] }[];
}

const read = <T>({ page, run }: Dashboard, path: string): Promise<T> =>
  page.evaluate(
    async ([id, rest]) => (await (await fetch(`api/runs/${id}/checkpoints/last/${rest}`)).json()) as T,
    [run, path] as const,
  );
const captionsOf = (dashboard: Dashboard, query = ''): Promise<Captions> =>
  read(dashboard, `clusters/captions?split=train&${query}`);

/** A cluster of the training images with several captions, one of them measured in the pixels. */
async function captioned(dashboard: Dashboard) {
  const { clusters } = await captionsOf(dashboard);
  const found = clusters.find(
    ({ captions }) => captions.filter((one) => one.repeats === null).length > 2 && pixels(captions),
  );
  if (!found) throw new Error('no cluster of the run under test has captions');
  return { ...found, caption: pixels(found.captions)! };
}
const pixels = (captions: Caption[]) =>
  captions.slice(0, 6).find((one) => one.subject === 'property' && one.repeats === null);

const open = async (dashboard: Dashboard, index: number, more: Record<string, string> = {}) => {
  const state = { checkpoint: 'last', 'clusters.split': 'train', 'clusters.open': String(index), ...more };
  await dashboard.view('clusters', state);
};
const what = ({ page }: Dashboard, index: number) =>
  page.getByRole('region', { name: `What makes cluster ${index}` });

describe('Captions', () => {
  test('stand on the cards: the strongest beside the class', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last', 'clusters.split': 'train' });
    const { clusters } = await captionsOf(dashboard);
    const shown = await dashboard.page
      .locator('.slot')
      .evaluateAll((all) =>
        all.map((one) => [(one as HTMLElement).dataset.cluster, one.querySelector('.caption')?.textContent]),
      );
    const expected = clusters.map(({ index, captions }) => [
      String(index),
      captions.slice(0, 6).find((one) => one.subject !== 'class')?.text ?? '',
    ]);
    expect(new Map(shown as [string, string][])).toEqual(new Map(expected as [string, string][]));
    expect(expected.filter(([, text]) => text).length).toBeGreaterThan(5);
  });

  test('become a slice with a click, and none with another', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    const { index, caption, captions } = await captioned(dashboard);
    await open(dashboard, index);
    const list = what(dashboard, index).getByRole('listitem');
    const own = captions.filter((one) => one.repeats === null).slice(0, 8);
    const texts = await list.locator('.tx').allTextContents();
    expect(texts.map((text) => text.split(', ')[0])).toEqual(own.map((one) => one.text));
    const button = list.getByRole('button', { name: caption.text }).first();
    await button.click();
    await dashboard.idle();
    const said = dashboard.urlValue('clusters.slice');
    const [subject, side, threshold, name] = (said ?? '').split('~');
    expect([subject, side, name]).toEqual([caption.subject, caption.side, caption.name]);
    expect(Number(threshold)).toBeCloseTo(caption.threshold!, 3);
    const query = new URLSearchParams({ split: 'train', subject, side, name, threshold }).toString();
    const found = await read<{
      inside: { error: number; images: number };
      outside: { error: number; images: number };
    }>(dashboard, `slice?${query}`);
    const panel = dashboard.page.getByRole('region', { name: /^Slice: / });
    const text = (await panel.textContent()) ?? '';
    for (const { error, images } of [found.inside, found.outside]) {
      expect(text).toContain(`${(error * 100).toFixed(1)} %`);
      expect(text).toContain(`of ${images.toLocaleString('en')} images`);
    }
    expect(text).toMatch(/difference [+−±]?[\d.]+ points \([+−]?[\d.]+ to [+−]?[\d.]+\)/);
    await dashboard.expectAccessible();
    await dashboard.page.reload();
    await dashboard.idle();
    expect(await panel.count()).toBe(1);
    await button.click();
    await dashboard.idle();
    expect(dashboard.urlValue('clusters.slice')).toBeNull();
    expect(await panel.count()).toBe(0);
  });

  test('by the keyboard: reached, pressed, left with Escape', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    const { index } = await captioned(dashboard);
    await open(dashboard, index);
    await what(dashboard, index).getByRole('listitem').getByRole('button').first().focus();
    await dashboard.press('Enter');
    expect(dashboard.urlValue('clusters.slice')).not.toBeNull();
    // The slice stays while one scrubs.
    const panel = dashboard.page.getByRole('region', { name: /^Slice: / });
    await dashboard.press('Home');
    await expect.poll(() => panel.textContent()).toContain('at checkpoint 0,');
    await dashboard.press('End');
    await dashboard.press('Escape');
    expect(dashboard.urlValue('clusters.open')).toBeNull();
    expect(dashboard.urlValue('clusters.slice')).toBeNull();
  });

  test('compare within the class when asked', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    const { index } = await captioned(dashboard);
    await open(dashboard, index);
    await dashboard.page
      .getByRole('group', { name: 'against' })
      .getByRole('button', { name: /^other / })
      .click();
    await dashboard.idle();
    expect(dashboard.urlValue('clusters.against')).toBe('class');
    const { clusters } = await captionsOf(dashboard, `cluster=${index}&against=class`);
    const [inside, outside] = clusters[0].images;
    const text = (await what(dashboard, index).textContent()) ?? '';
    expect(text).toContain(`${inside} against ${outside.toLocaleString('en')} images`);
  });

  test('are in the tables', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    const { index, captions } = await captioned(dashboard);
    await open(dashboard, index, { 'clusters.slice': 'property~below~0.4~background' });
    await dashboard.press('t');
    const tables = dashboard.page.getByRole('complementary', { name: 'Numbers of this view' });
    const text = (await tables.textContent()) ?? '';
    expect(text).toContain(`What makes cluster ${index}`);
    expect(text).toContain('Error by brightness of the background');
    expect(text).toMatch(new RegExp(`Images of cluster ${index} in fc10, euclidean`));
    await tables.getByText(`What makes cluster ${index}`).first().click();
    await dashboard.idle();
    const rows = (await tables.textContent()) ?? '';
    for (const { text: caption } of captions) expect(rows).toContain(caption);
    await dashboard.expectAccessible();
  });
});

describe('The images of a cluster', () => {
  test('are all there, page by page', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    const { clusters } = await read<{ clusters: { index: number; size: number }[] }>(
      dashboard,
      'clusters?split=train',
    );
    const largest = clusters.reduce((a, b) => (b.size > a.size ? b : a));
    await dashboard.page.setViewportSize({ width: 1000, height: 800 });
    await open(dashboard, largest.index);
    const { page } = dashboard;
    await page.getByRole('group', { name: 'images' }).getByRole('button', { name: /^all / }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('clusters.members')).toBe('all');
    const list = page.getByRole('listbox', { name: `All images of cluster ${largest.index}` });
    const option = async () => (await list.getByRole('option').textContent()) ?? '';
    await list.focus();
    await dashboard.press('Home');
    const first = await option();
    const onPage = Number(/1 of (\d+)\s*$/.exec(first)![1]);
    const next = page.getByRole('button', { name: 'Next page of images' });
    let seen = onPage;
    while ((await next.count()) && (await next.isEnabled())) {
      await next.click();
      await dashboard.idle();
      seen += Number(/of (\d+)\s*$/.exec(await option())![1]);
      expect(Number(dashboard.urlValue('clusters.from')) % onPage).toBe(0);
    }
    expect(seen).toBe(largest.size);
    await dashboard.expectAccessible();
  });

  test('have mean pictures that differ from those of the rest', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    const { index } = await captioned(dashboard);
    await open(dashboard, index);
    const pictures = dashboard.page.locator('.means canvas');
    await expect.poll(() => pictures.count()).toBe(2);
    const drawn = await pictures.evaluateAll((all) => all.map((one) => (one as HTMLCanvasElement).toDataURL()));
    expect(drawn[0]).not.toBe(drawn[1]);
  });

  test('are followed to another set by a click on the ribbon', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    const { index } = await captioned(dashboard);
    await open(dashboard, index);
    const { page } = dashboard;
    const where = page.getByRole('region', { name: /^These images in fc10, euclidean/ });
    const { images, parts } = await read<{ images: number; parts: { cluster: number; images: number }[] }>(
      dashboard,
      `clusters/${index}/overlap?split=train&to_layer=fc10&to_metric=euclidean`,
    );
    const second = parts[Math.min(1, parts.length - 1)];
    const button = where.getByRole('button', { name: new RegExp(`\\b0?${second.cluster} `) }).first();
    expect(await button.textContent()).toContain(`${Math.round((100 * second.images) / images)} %`);
    await button.click();
    await dashboard.idle();
    expect(dashboard.urlValue('clusters.set')).toBe('fc10.euclidean');
    await expect.poll(() => dashboard.urlValue('clusters.open')).toBe(String(second.cluster));
    expect(await page.getByRole('region', { name: `Cluster ${second.cluster} opened` }).count()).toBe(1);
  });
});

describe('by touch', () => {
  test('a tap makes a slice; in a narrow window everything is below each other and large enough', async () => {
    const browser = await launched();
    const context = await browser.newContext({ viewport: { width: 820, height: 1000 }, hasTouch: true });
    const dashboard = new Dashboard(await context.newPage());
    await dashboard.view('clusters', { checkpoint: 'last' });
    const { index } = await captioned(dashboard);
    await open(dashboard, index);
    const button = what(dashboard, index).getByRole('listitem').getByRole('button').first();
    const box = await button.boundingBox();
    expect(box!.height).toBeGreaterThanOrEqual(44);
    await button.tap();
    await dashboard.idle();
    expect(dashboard.urlValue('clusters.slice')).not.toBeNull();
    await context.close();
    dashboard.expectClean();
  });
});
