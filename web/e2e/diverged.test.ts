// A run that diverged: every part of the page that speaks of its results says so, and none has a number where there is none.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { Dashboard, launched, test } from './dashboard';
import { binary, deepviz, Server } from './server';

let folder: string;
let server: Server;

/** Runs a command that must fail. */
function failing(...args: string[]): string {
  const { status, stderr } = spawnSync(binary(), args, { cwd: folder, encoding: 'utf8' });
  expect(status, stderr).toBe(1);
  return stderr;
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'deepviz-e2e-'));
  deepviz(folder, 'corpus', 'make', 'shapes', '--out', 'shapes', '--images', '120');
  const train = ['train', 'shapes-quick', '--corpus', 'shapes', '--out', 'lost', '--epochs', '2'];
  const rate = ['--set', 'train.stages.0.rate=1e30', '--set', 'train.batch=16', '--snapshot-every', '1 steps'];
  expect(failing(...train, ...rate)).toContain('training diverged at step 1');
  failing('stats', 'lost', '--split', 'test');
});
beforeAll(async () => {
  server = await Server.start(folder, 'lost');
});
afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true });
});

describe('a run that diverged', () => {
  for (const colorScheme of ['dark', 'light'] as const)
    test(`says so wherever its results are spoken of (${colorScheme})`, async () => {
      const context = await (
        await launched()
      ).newContext({ viewport: { width: 1280, height: 800 }, colorScheme, reducedMotion: 'reduce' });
      const page = await context.newPage();
      const dashboard = new Dashboard(page, server.origin, 'lost');
      await dashboard.view('training', { checkpoint: 'last' });
      const timeline = page.getByRole('contentinfo', { name: 'Timeline' });
      expect(await timeline.textContent()).toContain('diverged at step 1');
      const rows = timeline.getByRole('row');
      expect(await rows.filter({ hasText: 'Test error' }).textContent()).toContain('not finite');
      expect(await dashboard.slider.getAttribute('aria-valuetext')).toContain(
        'test error not finite, diverged',
      );
      expect(await dashboard.slider.locator('line.diverged').count()).toBe(1);
      const training = page.getByRole('region', { name: 'Training' });
      expect(await training.getByRole('status').first().textContent()).toMatch(
        /diverged at step 1, epoch .*no finite/,
      );
      await page.getByRole('button', { name: /^lost/ }).click();
      const entry = page.getByRole('list', { name: 'Runs' }).getByRole('button', { name: /^lost/ });
      expect(await entry.textContent()).toContain('diverged at step 1');
      expect(await entry.textContent()).not.toContain('%');
      await dashboard.expectAccessible();
      for (const view of ['report', 'image', 'filters', 'compare', 'confusion', 'clusters']) {
        await dashboard.view(view, { checkpoint: 'last' });
        expect(await page.locator('body').textContent(), view).not.toMatch(/NaN|Infinity|undefined/);
        if (view === 'report')
          expect(await page.getByRole('main').textContent()).toContain('diverged at step 1');
        await dashboard.expectAccessible();
      }
      await dashboard.view('image', { checkpoint: 'last' });
      await expect.poll(() => page.getByRole('main').textContent()).toContain('no class is predicted');
      await expect.poll(() => page.getByRole('main').textContent()).toContain('the rest have diverged');
      expect(await page.getByRole('main').textContent()).toContain(
        'no statistics: the network has diverged here',
      );
      expect(await page.getByRole('main').textContent()).not.toMatch(/(come|computed) with the statistics/);
      await context.close();
    });
});
