import type { Page } from 'playwright-core';
import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe('the timeline', () => {
  test('keys move it by one, to the ends, and no further', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: '2' });
    expect(await dashboard.checkpoint()).toBe(2);
    await dashboard.press('ArrowRight');
    expect(await dashboard.checkpoint()).toBe(3);
    await dashboard.press('ArrowLeft');
    await dashboard.press('ArrowLeft');
    expect(await dashboard.checkpoint()).toBe(1);
    await dashboard.press('Home');
    await dashboard.press('ArrowLeft');
    expect(await dashboard.checkpoint()).toBe(0);
    await dashboard.press('End');
    const last = await dashboard.last();
    expect(last).toBeGreaterThan(10);
    expect(await dashboard.checkpoint()).toBe(last);
  });

  test('dragging passes through checkpoints and the picture follows', async ({ dashboard }) => {
    await dashboard.view('filters', { checkpoint: '0' });
    const { page, slider } = dashboard;
    const box = (await slider.boundingBox())!;
    const y = box.y + box.height / 2;
    const before = await picture(dashboard.page);
    await page.mouse.move(box.x + 12, y);
    await page.mouse.down();
    const seen = new Set<number>();
    for (let part = 0.05; part <= 0.95; part += 0.05) {
      await page.mouse.move(box.x + box.width * part, y);
      seen.add(await dashboard.checkpoint());
    }
    await page.mouse.up();
    await dashboard.idle();
    expect(seen.size).toBeGreaterThan(5);
    expect(await dashboard.checkpoint()).toBeGreaterThan(10);
    await expect.poll(() => dashboard.urlValue('checkpoint')).toBe(String(await dashboard.checkpoint()));
    expect(await picture(dashboard.page)).not.toBe(before);
  });

  test('nothing moves while it is scrubbed', async ({ dashboard }) => {
    for (const view of ['filters', 'confusion', 'compare']) {
      await dashboard.view(view, { checkpoint: '4' });
      const shifts = await dashboard.page.evaluate(() => {
        const found: number[] = [];
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) found.push((entry as unknown as { value: number }).value);
        }).observe({ type: 'layout-shift' });
        return ((window as unknown as { shifts: number[] }).shifts = found) && true;
      });
      expect(shifts).toBe(true);
      for (let step = 0; step < 5; step++) await dashboard.press('ArrowRight');
      const sum = await dashboard.page.evaluate(() =>
        (window as unknown as { shifts: number[] }).shifts.reduce((all, one) => all + one, 0),
      );
      expect(sum, view).toBeLessThan(0.001);
    }
  });

  test('it stays at hand in a window enlarged to 200 %', async ({ dashboard }) => {
    await dashboard.page.setViewportSize({ width: 720, height: 450 });
    await dashboard.view('filters', { checkpoint: '2' });
    const box = (await dashboard.slider.boundingBox())!;
    expect(box.y).toBeGreaterThan(0);
    expect(box.y + box.height).toBeLessThanOrEqual(450);
  });

  test('play advances by itself and pause stops it', async ({ dashboard }) => {
    const { page } = dashboard;
    // With reduced motion, play is one step at a time.
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    await dashboard.view('filters', { checkpoint: '0' });
    await page.getByRole('button', { name: 'Play' }).click();
    await expect.poll(() => dashboard.checkpoint(), { timeout: 40_000 }).toBeGreaterThan(2);
    await page.getByRole('button', { name: 'Pause' }).click();
    await dashboard.idle();
    const stopped = await dashboard.checkpoint();
    await page.waitForTimeout(600);
    expect(await dashboard.checkpoint()).toBe(stopped);
  });
});

/** The pixels of the largest canvas, as a text to compare. */
function picture(page: Page): Promise<string> {
  return page.evaluate(() => {
    const canvases = [...document.querySelectorAll('canvas')];
    canvases.sort((a, b) => b.width * b.height - a.width * a.height);
    return canvases[0]?.toDataURL() ?? 'no canvas';
  });
}
