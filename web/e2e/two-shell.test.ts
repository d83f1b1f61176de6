// Two runs in the shell: their names in the bar.
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
