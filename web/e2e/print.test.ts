// On paper: whole views as wide as the page, with their pictures, on white.
import { describe, expect } from 'vitest';
import { test, type Dashboard } from './dashboard';

interface Paper {
  /** The width and height of every page in points. */
  pages: { width: number; height: number }[];
  images: number;
}

/** The page as a PDF, counted by what its objects say of themselves. */
async function printed({ page }: Dashboard, format = 'A4'): Promise<Paper> {
  const text = (await page.pdf({ format, preferCSSPageSize: true })).toString('latin1');
  const pages = [...text.matchAll(/\/Type \/Page\b[^s][\s\S]*?\/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/g)];
  return {
    pages: pages.map(([, width, height]) => ({ width: Number(width), height: Number(height) })),
    images: (text.match(/\/Subtype \/Image\b/g) ?? []).length,
  };
}

/** Boxes of what is drawn, in the page as it is laid out for paper. */
const boxes = ({ page }: Dashboard, what: string) =>
  page.locator(what).evaluateAll((all) =>
    all.map((one) => {
      const { left, right, top, bottom } = one.getBoundingClientRect();
      return { left, right, top, bottom };
    }),
  );

/** Lays the page out for paper, as the browser does when it prints. */
async function onPaper(dashboard: Dashboard, work: () => Promise<void>): Promise<void> {
  const { page } = dashboard;
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  await page.emulateMedia({ media: 'print' });
  await work();
  // Not `screen`: what is printed afterwards would be laid out for it.
  await page.emulateMedia({ media: null });
  await page.evaluate(() => dispatchEvent(new Event('afterprint')));
}

/** Width between the margins of an A4 page in landscape, in CSS pixels. */
const LANDSCAPE_PX = 1047;

describe('a printed view', () => {
  test.for(['filters', 'confusion', 'clusters', 'compare', 'training', 'image'])(
    '%s is on paper as wide as it is, on white, and as it was afterwards',
    async (view, { dashboard }) => {
      await dashboard.page.setViewportSize({ width: 1440, height: 900 });
      await dashboard.view(view, { checkpoint: 'last' });
      const { page } = dashboard;
      await onPaper(dashboard, async () => {
        const drawn = await boxes(dashboard, 'main canvas, main svg, main table');
        expect(drawn.length).toBeGreaterThan(3);
        expect(await page.getByRole('main').innerText()).toMatch(/^small · \w+ · checkpoint \d+, epoch/);
        for (const box of drawn) expect(box.right).toBeLessThanOrEqual(LANDSCAPE_PX);
        expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('light');
      });
      await dashboard.idle();
      expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark');
      const paper = await printed(dashboard);
      expect(paper.pages.length).toBeLessThanOrEqual(2);
      for (const { width, height } of paper.pages) expect(width).toBeGreaterThan(height);
    },
  );

  test('clusters have all of their images, none of them cut off', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: 'last' });
    await onPaper(dashboard, async () => {
      const cards = await boxes(dashboard, '.slot');
      expect(cards.length).toBe(30);
      // Nothing around them ends before they do.
      const clipped = await dashboard.page
        .locator('.slot')
        .last()
        .evaluate((card) => {
          for (let up = card.parentElement; up; up = up.parentElement)
            if (
              getComputedStyle(up).overflowY !== 'visible' &&
              up.getBoundingClientRect().bottom < card.getBoundingClientRect().bottom
            )
              return up.className;
          return null;
        });
      expect(clipped).toBeNull();
    });
    expect((await printed(dashboard)).images).toBeGreaterThanOrEqual(30);
  });

  test('the report is one or two portrait pages with all of its pictures, on A4 and on Letter', async ({
    dashboard,
  }) => {
    await dashboard.view('report');
    for (const format of ['A4', 'Letter']) {
      const paper = await printed(dashboard, format);
      expect(paper.pages.length).toBeLessThanOrEqual(2);
      expect(paper.pages[0].height).toBeGreaterThan(paper.pages[0].width);
      // The filters at five checkpoints, and two rows of images.
      expect(paper.images).toBeGreaterThan(20);
    }
  });

  test('the parts of the report stand one below the other, at any width', async ({ dashboard }) => {
    for (const [width, height] of [
      [1440, 900],
      [820, 1180],
    ]) {
      await dashboard.page.setViewportSize({ width, height });
      await dashboard.view('report');
      const parts = await boxes(dashboard, '.report > *');
      expect(parts.length).toBeGreaterThan(10);
      for (const [n, part] of parts.slice(1).entries()) {
        expect(part.bottom - part.top).toBeGreaterThan(8);
        expect(part.top).toBeGreaterThanOrEqual(parts[n].bottom);
      }
    }
  });

  test('waits for pictures that are in flight', async ({ dashboard }) => {
    const { page } = dashboard;
    await page.addInitScript(() => {
      const seen = globalThis as unknown as { printedIdle: string[]; print: () => void };
      seen.printedIdle = [];
      seen.print = () => void seen.printedIdle.push(document.documentElement.dataset.idle ?? '');
    });
    await dashboard.view('clusters', { checkpoint: '3' });
    await page.route('**/sheet?*', async (route) => {
      await new Promise((later) => setTimeout(later, 400));
      await route.continue();
    });
    await page.keyboard.press('2');
    await page.keyboard.press('Control+p');
    const said = () => page.evaluate(() => (globalThis as unknown as { printedIdle: string[] }).printedIdle);
    await expect.poll(said).toEqual(['true']);
  });
});
