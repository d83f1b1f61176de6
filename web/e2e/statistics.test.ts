// What the views show of the statistics: dead filters, moves between cells, the record of each image, possible label
// errors, and where the images of a cluster came from.
import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe('Training', () => {
  test('counts the dead filters of every layer and leads to them', async ({ dashboard }) => {
    await dashboard.view('training', { checkpoint: '0', layer: 'conv2' });
    const { page } = dashboard;
    const dead = page.getByRole('button', { name: /^\d+ of \d+ filters of conv1 are dead/ });
    await expect.poll(() => dead.count()).toBe(1);
    const share = page.getByRole('img', { name: /^conv1, active fraction: \d+ %/ });
    expect(await share.count()).toBe(1);
    const size = page.getByRole('img', { name: /^conv1, size of weights: / });
    const untrained = await size.getAttribute('aria-label');
    await dashboard.press('End');
    expect(await size.getAttribute('aria-label')).not.toBe(untrained);
    expect(await share.count()).toBe(1);
    await dashboard.expectAccessible();
    await dead.click();
    await dashboard.idle();
    expect(dashboard.urlValue('view')).toBe('filters');
    expect(dashboard.urlValue('layer')).toBe('conv1');
  });

  test('has the layers as a table', async ({ dashboard }) => {
    await dashboard.view('training', { checkpoint: 'last' });
    await dashboard.press('t');
    const tables = dashboard.page.getByRole('complementary', { name: 'Numbers of this view' });
    await tables.getByRole('button', { name: 'Layers' }).click();
    const row = tables.getByRole('row', { name: /^conv1 / });
    expect(await row.getByRole('cell').count()).toBe(10);
    expect((await row.getByRole('cell').allTextContents()).every((text) => text !== '–')).toBe(true);
  });
});

describe('Filters', () => {
  test('a pinned filter shows its state, its activity over time and its mean activation by class', async ({
    dashboard,
  }) => {
    await dashboard.view('filters', { checkpoint: 'last', layer: 'conv1', filter: '1' });
    const { page } = dashboard;
    const pinned = page.getByRole('region', { name: 'Pinned filter' });
    expect(await pinned.textContent()).toMatch(
      /(saturated, |at risk, |revived, |)fires at [\d.]+ % of positions|dead, never fires/,
    );
    expect(await pinned.textContent()).toContain('active fraction');
    const region = page.getByRole('region', { name: 'Mean activation of filter 1 by class' });
    const rows = region.getByRole('button');
    expect(await rows.count()).toBe(10);
    const means = (await region.locator('.v').allTextContents()).map((text) => Number(text.replace('−', '-')));
    expect([...means].sort((a, b) => b - a)).toEqual(means);
    await rows.first().click();
    await expect.poll(() => dashboard.urlValue('class')).toMatch(/^\d$/);
    await dashboard.expectAccessible();
  });
});

describe('Confusion', () => {
  test('which layers and units tell the two classes of a cell apart', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last', 'confusion.panel': 'apart' });
    const { page } = dashboard;
    const rows = page.locator('.separation li');
    await expect.poll(() => rows.count()).toBe(5);
    expect(await rows.first().textContent()).toMatch(/^\s*fc10 .*[01]\.\d\d ± 0\.\d\d\s+[01]\.\d\d no\. \d+/s);
    expect(await page.locator('.units li').count()).toBe(5);
    await dashboard.expectAccessible();
    // A unit leads to its card.
    await page.locator('.units li button').first().click();
    const card = page.getByRole('dialog');
    await card.waitFor();
    expect(await card.getAttribute('aria-label')).toMatch(/ (unit|filter) \d+$/);
    await dashboard.press('Escape');
    // The pair follows the checkpoint.
    const before = await page.locator('.separation ul').textContent();
    await dashboard.press('Home');
    await expect.poll(() => page.locator('.separation ul').textContent()).not.toBe(before);
  });

  test('the moves between two checkpoints: gained, lost, and the images behind', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: '3' });
    const { page } = dashboard;
    const beside = page.getByRole('group', { name: 'beside the matrix' });
    await beside.getByRole('button', { name: 'moves' }).click();
    await dashboard.idle();
    const moves = page.getByRole('listbox', { name: 'Moves from cell to cell' });
    const said = async () => (await page.locator('.sum').textContent()) ?? '';
    expect(await said()).toContain('2 → 3');
    expect(await moves.getByRole('option').count()).toBeGreaterThan(1);
    await dashboard.expectAccessible();
    // Arrows choose; the images below are those of the move.
    await moves.focus();
    await dashboard.press('ArrowDown');
    const second = moves.getByRole('option').nth(1);
    expect(await second.getAttribute('aria-selected')).toBe('true');
    const label = ((await second.textContent()) ?? '').replace(/\s+/g, ' ').trim();
    const [truth, from, to] = /^(.+), predicted (.+) → (.+): /.exec(label)!.slice(1);
    const images = page.getByRole('listbox', { name: `Images of ${truth} that went from ${from} to ${to}` });
    expect(await images.count()).toBe(1);
    // Gained only: every move ends at the true class.
    await page
      .getByRole('group', { name: 'moves', exact: true })
      .getByRole('button', { name: /^gained/ })
      .click();
    await dashboard.idle();
    for (const one of await moves.getByRole('option').all())
      expect(await one.textContent()).toMatch(/gained\s*$/);
    // Another checkpoint to come from; all of it is in the address.
    const number = page.getByRole('spinbutton', { name: 'From checkpoint' });
    await number.fill('0');
    await number.press('Enter');
    await expect.poll(() => dashboard.urlValue('confusion.since')).toBe('0');
    await dashboard.idle();
    expect(await said()).toContain('0 → 3');
    await page.reload();
    await dashboard.idle();
    expect(await said()).toContain('0 → 3');
    await dashboard.press('Home');
    expect(await page.getByText('from checkpoint 0 to itself nothing moves').count()).toBe(1);
  });

  test('possible label errors and hardest images open the image', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last', 'confusion.panel': 'hard' });
    const { page } = dashboard;
    const table = page.getByRole('table', { name: 'Most forgotten first' });
    const forgotten = async () => (await table.locator('tbody td:nth-child(4)').allTextContents()).map(Number);
    const numbers = await forgotten();
    expect(numbers.length).toBe(50);
    expect([...numbers].sort((a, b) => b - a)).toEqual(numbers);
    await dashboard.expectAccessible();
    await page.getByRole('button', { name: 'Next page' }).click();
    await dashboard.idle();
    expect(Math.max(...(await forgotten()))).toBeLessThanOrEqual(Math.min(...numbers));
    await table.getByRole('button', { name: 'first correct' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('confusion.hard')).toBe('learned');
    const beside = page.getByRole('group', { name: 'beside the matrix' });
    await beside.getByRole('button', { name: 'possible label errors' }).click();
    await dashboard.idle();
    await dashboard.expectAccessible();
    const first = page.getByRole('table', { name: 'Possible label errors' }).getByRole('button').first();
    const image = /^image (\d+), /.exec((await first.textContent()) ?? '')![1];
    await first.click();
    await dashboard.idle();
    expect(dashboard.urlValue('view')).toBe('image');
    expect(dashboard.urlValue('image')).toBe(image);
    const about = page.getByRole('complementary', { name: 'The image' });
    expect(await about.textContent()).toContain('possible label error');
  });
});

describe('Image', () => {
  test('describes the history of the image, and shows similar images', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last' });
    const { page } = dashboard;
    const about = page.getByRole('complementary', { name: 'The image' });
    await expect.poll(() => about.textContent()).toMatch(/mean margin\s*[+−±]\d/);
    const like = page.getByRole('region', { name: 'Similar images' });
    const images = like.getByRole('listbox', { name: 'Similar images' });
    await expect.poll(() => images.count()).toBe(1);
    await dashboard.expectAccessible();
    const before = dashboard.urlValue('image');
    await images.focus();
    await dashboard.press('Enter');
    expect(dashboard.urlValue('image')).not.toBe(before);
  });

  test('shows the images whose outputs lie nearest, and says which are of another class', async ({
    dashboard,
  }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1300' });
    const { page } = dashboard;
    const like = page.getByRole('region', { name: 'Similar images' });
    const images = like.getByRole('listbox', { name: 'Similar images' });
    await expect.poll(() => images.count()).toBe(1);
    expect(await like.textContent()).toMatch(
      /Nearest in logit space\s+(all \d+ of its class|\d+ of \d+ of another)/,
    );
    const answer = await page.evaluate(
      async (run) => (await fetch(`api/runs/${run}/checkpoints/last/images/1300/near?limit=3`)).json(),
      dashboard.urlValue('run'),
    );
    await images.focus();
    for (const item of answer.items) {
      const said = (await images.getByRole('option').textContent())!.replace(/\s+/g, ' ').trim();
      expect(said).toMatch(/^#\d+ (another class: )?.+, predicted .+ [01]\.\d\d, \d+\.\d\d away, \d of \d+$/);
      expect(said.startsWith(`#${item.id} `)).toBe(true);
      expect(said.includes('another class')).toBe(item.true_class !== answer.true_class);
      await dashboard.press('ArrowRight');
    }
    await dashboard.expectAccessible();
    // What is below stays where it is: at another checkpoint, and in another sense of likeness.
    const place = await like.boundingBox();
    await dashboard.slider.focus();
    await dashboard.press('Home');
    await expect.poll(() => like.getAttribute('data-checkpoint')).toBe('0');
    expect(await like.boundingBox()).toEqual(place);
    for (const kind of ['cluster', 'cell']) {
      await like.getByRole('button', { name: kind }).click();
      await expect.poll(() => like.getAttribute('data-kind')).toBe(kind);
      await expect.poll(() => dashboard.urlValue('image.like')).toBe(kind);
      expect(await like.boundingBox()).toEqual(place);
    }
    await page.reload();
    await expect.poll(() => like.getAttribute('data-kind')).toBe('cell');
    await like.getByRole('button', { name: 'logits' }).click();
    await expect.poll(() => dashboard.urlValue('image.like')).toBeNull();
  });
});

describe('Clusters', () => {
  test('an opened cluster shows where its images came from', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: '3', 'clusters.open': '4' });
    const { page } = dashboard;
    const lineage = page.getByRole('region', { name: 'Lineage of cluster 4' });
    expect(await lineage.textContent()).toMatch(/was in.*went to/);
    await dashboard.expectAccessible();
    await dashboard.press('Home');
    expect(await lineage.textContent()).toContain('no lineage yet');
  });
});
