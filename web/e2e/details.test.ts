// Details of the shell (what is around the views: top bar and timeline) and of views: what a link carries, where it is copied, what the timeline says of a finished run.
import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe('the link', () => {
  test('carries the state and not the theme, and is copied in one place', async ({ dashboard }) => {
    const { page } = dashboard;
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await dashboard.view('filters', { checkpoint: '3', layer: 'conv2', theme: 'light' });
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('light');
    await page.getByRole('button', { name: 'Copy a link to exactly this view' }).click();
    await page.getByText('Link copied').waitFor({ state: 'attached' });
    const link = new URL(await page.evaluate(() => navigator.clipboard.readText()));
    const said = new URLSearchParams(link.hash.slice(1));
    expect([said.get('view'), said.get('checkpoint'), said.get('layer')]).toEqual(['filters', '3', 'conv2']);
    expect(said.has('theme')).toBe(false);
    await page.getByRole('button', { name: /^Export/ }).click();
    const menu = page.getByRole('group', { name: 'Export' });
    expect(await menu.getByRole('button', { name: /curl/ }).count()).toBe(1);
    expect(await menu.getByRole('button', { name: /link/i }).count()).toBe(0);
  });
});

describe('the filters during training', () => {
  test('say how much the colours amplify, and nothing moves for it', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('filters', { layer: 'conv1', checkpoint: '0' });
    const block = page.locator('[data-picture="Filters of conv1"]');
    const caption = block.getByText(/amplified/);
    const gain = async () => Number(/× ([\d.]+) amplified/.exec((await caption.textContent())!)![1]);
    const place = () => block.getByRole('listbox').boundingBox();
    const [first, at] = [await gain(), await place()];
    expect(first).toBeGreaterThan(2);
    // The bar shows the same number: the share of the run's range.
    const share = () =>
      block
        .locator('.gain i')
        .evaluate((bar) => bar.getBoundingClientRect().height / bar.parentElement!.clientHeight);
    expect(await share()).toBeCloseTo(1 / first, 1);
    await dashboard.press('ArrowRight');
    const second = (await caption.count()) ? await gain() : 1;
    expect(second).toBeLessThan(first);
    expect(await place()).toEqual(at);
    // One range for the whole run, or for each filter, amplifies nothing.
    for (const scale of ['timeline', 'filter']) {
      await dashboard.view('filters', { layer: 'conv1', checkpoint: '0', scale });
      expect([await caption.count(), await block.locator('.gain').count()]).toEqual([0, 0]);
    }
  });

  test('the captions of a history stand above the curves, values under the pointer', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('filters', { layer: 'conv1', checkpoint: '3', before: '6' });
    const history = page.getByRole('img', { name: /^History of filter/ });
    const captions = await history.locator('text').all();
    const curves = await history.locator('path.curve').all();
    expect(captions.length).toBeGreaterThan(1);
    expect(curves.length).toBe(captions.length);
    const reference = await history.locator('line.bf').all();
    for (const [n, caption] of captions.entries()) {
      const box = (await caption.boundingBox())!;
      const middle = box.y + box.height / 2;
      expect(middle).toBeLessThan((await curves[n].boundingBox())!.y);
      for (const line of reference) {
        const part = (await line.boundingBox())!;
        // The box of a text has its outline in it; its letters are 10 px high.
        const [above, below] = [part.y + part.height <= middle - 5, part.y >= middle + 5];
        expect(above || below).toBe(true);
      }
    }
    const box = (await history.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.getByText(/^norm of the weights$/).waitFor();
  });
});

describe('an image', () => {
  test('opens the filter of a map by a double click', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('image', { checkpoint: 'last' });
    const maps = page.getByRole('listbox', { name: /^conv2: \d+ activation maps/ });
    const box = (await maps.boundingBox())!;
    await page.mouse.dblclick(box.x + 45, box.y + 8);
    await expect.poll(() => dashboard.urlValue('view')).toBe('filters');
    await dashboard.idle();
    expect([dashboard.urlValue('layer'), dashboard.urlValue('filter')]).toEqual(['conv2', '1']);
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  test('says the predicted classes by letters and colours, and no name lies on another', async ({
    dashboard,
  }) => {
    const { page } = dashboard;
    await dashboard.view('image', { checkpoint: 'last' });
    const stream = page.getByRole('img', { name: 'Probability of every class at every checkpoint' });
    const signs = await stream.locator('text.sign').allTextContents();
    expect(signs.length).toBeGreaterThan(0);
    const titles = await stream.locator('rect title').allTextContents();
    for (const sign of signs) expect(titles.some((name) => name.startsWith(sign))).toBe(true);
    const names = await Promise.all((await stream.locator('text.name').all()).map((one) => one.boundingBox()));
    for (const [n, a] of names.entries())
      for (const b of names.slice(n + 1)) {
        const isApart = a!.x + a!.width <= b!.x + 4 || b!.x + b!.width <= a!.x + 4;
        const isAbove = a!.y + a!.height <= b!.y + 8 || b!.y + b!.height <= a!.y + 8;
        expect(isApart || isAbove).toBe(true);
      }
  });
});

describe('the classifier', () => {
  test('has rows called by their class, and lists what each listens to', async ({ dashboard }) => {
    const { page } = dashboard;
    const sides = () => page.locator('[data-picture="Filters of fc10"] .tick.side').allTextContents();
    await dashboard.view('filters', { layer: 'fc10', filter: '3', checkpoint: 'last' });
    const narrow = await sides();
    await page.setViewportSize({ width: 1440, height: 900 });
    await dashboard.idle();
    const answer = await page.evaluate(async (run) => {
      const of = async (path: string) => (await (await fetch(`api/runs/${run}${path}`)).json()) as unknown;
      const { classes } = (await of('')) as { classes: string[] };
      const { inputs } = (await of('/checkpoints/last/layers/fc10/filters/3/connections?limit=64')) as {
        inputs: { layer: string; filter: number; weight: number }[];
      };
      return { classes, inputs };
    }, dashboard.run);
    await expect.poll(sides).toEqual(answer.classes);
    // Where the names do not fit, their first letters are shown.
    expect(narrow).toHaveLength(answer.classes.length);
    narrow.forEach((sign, n) => expect(answer.classes[n].startsWith(sign)).toBe(true));
    const list = page.getByRole('region', { name: `Inputs of ${answer.classes[3]}` });
    const rows = list.getByRole('button');
    const shown = await rows.allTextContents();
    expect(shown.length).toBeGreaterThan(2);
    shown.forEach((text, n) => {
      const { layer, filter, weight } = answer.inputs[n];
      const sign = weight < 0 ? '−' : '+';
      expect(text.replace(/\s+/g, ' ').trim()).toBe(`${layer} ${filter} ${sign}${Math.abs(weight).toFixed(3)}`);
    });
    const sizes = answer.inputs.map((one) => Math.abs(one.weight));
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    await rows.nth(1).click();
    await dashboard.idle();
    await expect
      .poll(() => [dashboard.urlValue('layer'), dashboard.urlValue('filter')])
      .toEqual([answer.inputs[1].layer, String(answer.inputs[1].filter)]);
  });

  test('and its list have no accessibility violation', async ({ dashboard }) => {
    await dashboard.view('filters', { layer: 'fc10', filter: '3', checkpoint: 'last' });
    await dashboard.page.getByRole('region', { name: /^Inputs of/ }).waitFor();
    await dashboard.expectAccessible();
  });
});

describe('Compare', () => {
  test('numbers its filters, by a choice that is named, and enlarges few', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('compare', { checkpoint: 'last', 'compare.rows': '0,now', 'compare.layers': 'conv1' });
    const head = page.getByRole('columnheader', { name: /^conv1/ });
    const numbers = () => head.locator('.no').allTextContents();
    const drawn = async () => {
      const label = await page.getByRole('img', { name: /^conv1 at checkpoint 0:/ }).getAttribute('aria-label');
      return label!.split('filters ')[1].split(', ');
    };
    const by = async (value: string) => {
      await page.getByRole('combobox', { name: 'Filters chosen by' }).selectOption(value);
      await dashboard.idle();
      await expect.poll(async () => (await drawn()).join()).toBe((await numbers()).join());
      return numbers();
    };
    await page.getByRole('textbox', { name: 'filters' }).fill('3');
    await page.keyboard.press('Enter');
    await dashboard.idle();
    const norm = await by('norm');
    expect(norm).toHaveLength(3);
    expect(await head.textContent()).toContain('largest norm');
    const selective = await by('selective');
    expect(await head.textContent()).toContain('most selective');
    expect(dashboard.urlValue('compare.by')).toBe('selective');
    const changed = await by('change');
    expect(new Set([norm, selective, changed].map((one) => one.join())).size).toBeGreaterThan(1);
    // Three filters have tiles of more than twice the usual side.
    const places = await Promise.all((await head.locator('.no').all()).map((one) => one.boundingBox()));
    expect(places[1]!.x - places[0]!.x).toBeGreaterThanOrEqual(60);
  });

  test('says below the field why it refuses', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('compare', { checkpoint: 'last', 'compare.rows': 'now' });
    const field = page.getByRole('textbox', { name: 'filters' });
    await field.fill('three');
    await field.press('Enter');
    const why = page.getByRole('alert');
    await why.waitFor();
    expect(await why.textContent()).toContain('“three” is not understood');
    const [above, below] = [(await field.boundingBox())!, (await why.boundingBox())!];
    expect(below.y).toBeGreaterThanOrEqual(above.y + above.height);
    expect(await field.getAttribute('aria-describedby')).toBe(await why.getAttribute('id'));
    await dashboard.expectAccessible();
    await field.fill('0-2');
    await field.press('Enter');
    await dashboard.idle();
    expect([await why.count(), dashboard.urlValue('compare.filters')]).toEqual([0, 'f0.1.2']);
  });
});

describe('the timeline of a finished run', () => {
  test('counts checkpoints from 0 and offers nothing to follow', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: 'last' });
    const last = await dashboard.last();
    const timeline = dashboard.page.getByRole('contentinfo', { name: 'Timeline' });
    expect(await timeline.locator('.of').textContent()).toBe(`/ ${last}, ${last + 1} in all`);
    const follow = timeline.getByRole('button', { name: 'Follow' });
    expect(await follow.isDisabled()).toBe(true);
    expect(await follow.getAttribute('aria-pressed')).toBe('false');
  });
});
