// The dashboard by keyboard alone: every control is met by Tab, is seen to have the focus, and does its work.
import { describe, expect } from 'vitest';
import { test, type Dashboard } from './dashboard';

/** What has the focus: its role or tag and its name, and how it is seen. */
async function focused({ page }: Dashboard) {
  return page.evaluate(() => {
    const node = document.activeElement;
    if (!node || node === document.body) return null;
    const box = node.getBoundingClientRect();
    const style = getComputedStyle(node);
    // A field draws it as its edge, a list by its place on the option that is reached.
    const now = getComputedStyle(document.querySelector('.tl .now')!).color;
    const edged = [node, node.closest('.field')].some(
      (one) => one && getComputedStyle(one).boxShadow.includes(now),
    );
    const option = document.getElementById(node.getAttribute('aria-activedescendant') ?? '');
    return {
      name: `${node.getAttribute('role') ?? node.tagName.toLowerCase()} ${(node.getAttribute('aria-label') ?? node.textContent ?? '').replace(/\s+/g, ' ').trim()}`,
      shown:
        edged ||
        option !== null ||
        (style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 1),
      inSight:
        box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight && box.width > 0,
    };
  });
}

/** Tab from the beginning until the focus leaves the page. */
async function tour(dashboard: Dashboard): Promise<string[]> {
  const met: string[] = [];
  const faults: string[] = [];
  for (let tabs = 0; tabs < 400; tabs += 1) {
    await dashboard.page.keyboard.press('Tab');
    const at = await focused(dashboard);
    if (!at) break;
    met.push(at.name);
    if (!at.shown) faults.push(`not seen to have the focus: ${at.name}`);
    if (!at.inSight) faults.push(`out of sight: ${at.name}`);
  }
  expect(faults).toEqual([]);
  expect(met.length).toBeLessThan(400);
  return met;
}

/** Tab until the focus is on something of this name. */
async function reach(dashboard: Dashboard, name: RegExp): Promise<void> {
  for (let tabs = 0; tabs < 400; tabs += 1) {
    const at = await focused(dashboard);
    if (at && name.test(at.name)) return;
    await dashboard.page.keyboard.press('Tab');
  }
  throw new Error(`Tab never comes to ${name}`);
}

const SHELL = [
  /^button .*shapes|small/,
  /^a Filters/,
  /^a Image/,
  /^button Dark or light/,
  /^slider Checkpoint/,
];
const VIEWS: Record<string, RegExp[]> = {
  filters: [/^searchbox|^input/, /^listbox Images found/, /conv1/, /^button Both/, /^button whole run/],
  confusion: [/^button matrix/, /^button flow/, /^button % of true class/, /^button moves/, /^gridcell /],
  clusters: [/^button most mixed/, /^button train|test/, /^listbox Cluster \d+, nearest/],
  compare: [/^button Take out checkpoint 0/, /^input Add a checkpoint/, /^button row/],
  training: [/^button units/, /^button epoch/, /^button log/],
  image: [/^button all/, /^listbox Similar images/],
  report: [/^button print/, /^button back to the views/],
};

describe('Tab', () => {
  test.for(Object.entries(VIEWS))(
    'comes to every control of %s, each is seen to have the focus',
    { timeout: 60_000 },
    async ([view, expected], { dashboard }) => {
      await dashboard.view(view, { checkpoint: '5' });
      const met = await tour(dashboard);
      for (const name of [...SHELL, ...expected])
        expect(
          met.some((one) => name.test(one)),
          `${name} in ${met.join(' | ')}`,
        ).toBe(true);
    },
  );
});

describe('without a pointer', () => {
  test('views, choices and the clock are worked', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: '3' });
    await reach(dashboard, /^a Confusion/);
    await dashboard.press('Enter');
    expect(dashboard.urlValue('view')).toBe('confusion');
    await reach(dashboard, /^button % of true class/);
    await dashboard.press('Space');
    expect(dashboard.urlValue('confusion.shade')).toBe('row');
    await reach(dashboard, /^slider Checkpoint/);
    await dashboard.press('ArrowRight');
    expect(await dashboard.checkpoint()).toBe(4);
    await dashboard.press('Home');
    expect(await dashboard.checkpoint()).toBe(0);
  });

  test('the matrix: arrows move, Enter pins a cell, Escape unpins it', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last' });
    await dashboard.page.getByRole('grid').locator('[tabindex="0"]').focus();
    await dashboard.press('ArrowRight');
    await dashboard.press('ArrowDown');
    await dashboard.press('Enter');
    expect(dashboard.urlValue('confusion.cell')).toMatch(/^\d+-\d+$/);
    await dashboard.press('Escape');
    expect(dashboard.urlValue('confusion.cell')).toBeNull();
  });

  test('a cluster opens, is closed by Escape; its images are chosen', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    await dashboard.page
      .getByRole('region', { name: /^Cluster \d+: / })
      .last()
      .getByRole('button')
      .focus();
    await dashboard.press('Enter');
    expect(dashboard.urlValue('clusters.open')).toMatch(/^\d+$/);
    await dashboard.press('Escape');
    expect(dashboard.urlValue('clusters.open')).toBeNull();
    const before = dashboard.urlValue('image');
    await dashboard.page
      .getByRole('listbox', { name: /^Cluster \d+, nearest/ })
      .first()
      .focus();
    await dashboard.press('ArrowRight');
    await dashboard.press('Enter');
    expect(dashboard.urlValue('image')).not.toBe(before);
  });

  test('everything that opens is closed by Escape', async ({ dashboard }) => {
    await dashboard.view('training', { checkpoint: 'last' });
    const { page } = dashboard;
    await reach(dashboard, /^button small/);
    await dashboard.press('Enter');
    await expect.poll(() => page.getByRole('list', { name: 'Runs' }).count()).toBe(1);
    await page.keyboard.press('Tab');
    await dashboard.press('Escape');
    await expect.poll(() => page.getByRole('list', { name: 'Runs' }).count()).toBe(0);
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.getByRole('button', { name: 'Show me around' }).focus();
    await page.keyboard.press('Enter');
    const around = page.getByRole('region', { name: 'Tour' });
    await around.waitFor();
    // Started by the user its buttons take the focus, which returns at the end.
    await expect.poll(async () => (await focused(dashboard))?.name).toBe('button next');
    await page.keyboard.press('Enter');
    await expect.poll(() => around.textContent()).toContain('2 of 7');
    await dashboard.press('Escape');
    await expect.poll(() => around.count()).toBe(0);
    expect(dashboard.urlValue('view')).toBe('training');
  });
});
