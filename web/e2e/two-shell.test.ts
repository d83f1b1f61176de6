// Two runs in the shell (what is around the views): their names in the top bar, and the timeline where it has room for one lane.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { Server } from './server';

const NAMES = ['cifar10-80sec-seed1', 'cifar10-80sec-seed2'];
let server: Server;

beforeAll(async () => {
  const [folder, runs] = [inject('folder'), join(inject('folder'), 'named')];
  for (const name of NAMES) {
    cpSync(join(folder, inject('run')), join(runs, name), { recursive: true });
    const about = join(runs, name, 'run.toml');
    writeFileSync(about, readFileSync(about, 'utf8').replace(/^name = .*$/m, `name = "${name}"`));
  }
  server = await Server.start(folder, 'named');
});
afterAll(() => server?.stop());

async function opened(width: number, more: Record<string, string> = {}, view = 'filters'): Promise<Dashboard> {
  const context = await (
    await launched()
  ).newContext({ viewport: { width, height: 800 }, colorScheme: 'light', reducedMotion: 'reduce' });
  const dashboard = new Dashboard(await context.newPage(), server.origin, NAMES[0]);
  await dashboard.view(view, { 'b.run': NAMES[1], image: '1250', ...more });
  return dashboard;
}
async function closed(dashboard: Dashboard): Promise<void> {
  dashboard.expectClean();
  await dashboard.page.context().close();
}

/** Parts of the bar that lie over each other, or past the edge of the window. */
const overlaps = (page: Page) =>
  page.evaluate(() => {
    const parts = [
      ...document.querySelectorAll('.top .brand, .run.two, .views a, .top > .class, .sel, .icons > *'),
    ]
      .filter((one) => one.checkVisibility())
      .map((one) => ({ name: one.className || one.textContent, box: one.getBoundingClientRect() }));
    const over = parts.flatMap((one, n) =>
      parts
        .slice(n + 1)
        .filter(
          ({ box }) =>
            one.box.right > box.left + 1 &&
            one.box.left < box.right - 1 &&
            one.box.bottom > box.top + 1 &&
            one.box.top < box.bottom - 1,
        )
        .map((other) => `${one.name} over ${other.name}`),
    );
    return [
      ...over,
      ...parts.filter(({ box }) => box.right > innerWidth + 1).map(({ name }) => `${name} past`),
    ];
  });

describe('the names of both runs in the bar', () => {
  test.for([1024, 1280, 1440, 1920])('at %i pixels neither is cut', async (width) => {
    const dashboard = await opened(width);
    const { page } = dashboard;
    const button = page.locator('button.run');
    await expect.poll(() => button.getAttribute('title')).toContain(`A ${NAMES[0]}, B ${NAMES[1]}`);
    const cut = await button
      .locator('.head, .tail')
      .evaluateAll((all) =>
        all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent),
      );
    expect(cut).toEqual([]);
    expect(await overlaps(page)).toEqual([]);
    await dashboard.expectAccessible();
    await closed(dashboard);
  });

  test.for([900, 1100, 1280, 1440])('at %i pixels with a class chosen what differs stays', async (width) => {
    const dashboard = await opened(width, { class: '3' });
    const { page } = dashboard;
    const tails = page.locator('button.run .tail');
    expect(await tails.allTextContents()).toEqual(['seed1', 'seed2']);
    const cut = await tails.evaluateAll(
      (all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).length,
    );
    expect(cut).toBe(0);
    expect(await overlaps(page)).toEqual([]);
    await closed(dashboard);
  });
});

describe('where the timeline has room for one lane', () => {
  test.for([
    ['390', 390, false],
    ['820', 820, false],
    ['the presenter', 1280, true],
  ] as const)('%s: both curves, both playheads, both checkpoints', async ([, width, isPresented]) => {
    const dashboard = await opened(width, { checkpoint: '2', 'b.checkpoint': '5' }, 'confusion');
    if (isPresented) await dashboard.press('p');
    const { page } = dashboard;
    const slider = page.getByRole('slider', { name: 'Checkpoint', exact: true });
    await expect.poll(() => slider.getAttribute('aria-valuetext')).toContain('; B at checkpoint 5');
    expect(await slider.locator('.curve').count()).toBe(2);
    for (const d of await slider
      .locator('.curve')
      .evaluateAll((all) => all.map((one) => one.getAttribute('d'))))
      expect(d).toMatch(/^M[\d.]+,[\d.]+L/);
    expect(await slider.locator('.b .head').count()).toBe(1);
    const footer = page.getByRole('contentinfo');
    expect(await footer.locator('.at').textContent()).toMatch(/A\s*2\s*B\s*5/);
    // The finger moves A; B, where it is not pinned, follows.
    const box = (await slider.boundingBox())!;
    expect(box.height).toBeGreaterThanOrEqual(44);
    await page.mouse.click(box.x + box.width - 25, box.y + 20);
    await dashboard.idle();
    expect(await slider.getAttribute('aria-valuenow')).toBe(await slider.getAttribute('aria-valuemax'));
    expect(dashboard.urlValue('b.checkpoint')).toBe('5');
    if (!isPresented) expect(await footer.evaluate((one) => one.getBoundingClientRect().height)).toBe(76);
    await dashboard.expectAccessible();
    await closed(dashboard);
  });
});
