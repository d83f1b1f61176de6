// Where motion is not wanted nothing moves by itself: no transition, no animation, no image in flight; play steps.
import { describe, expect } from 'vitest';
import { test, type Dashboard } from './dashboard';

/** What moves on the page at this moment, and whether images are animated. */
const moving = ({ page }: Dashboard) =>
  page.evaluate(() => [
    ...document
      .getAnimations()
      .filter((one) => one.playState === 'running')
      .map((one) => {
        const effect = one.effect as KeyframeEffect | null;
        return `${effect?.target?.tagName} ${effect?.target?.className} ${JSON.stringify(effect?.getTiming().duration)}`;
      }),
    ...[...document.querySelectorAll<HTMLElement>('canvas.overlay')]
      .filter((one) => getComputedStyle(one).display !== 'none')
      .map(() => 'images move'),
  ]);

describe('with reduced motion', () => {
  test.for(['filters', 'confusion', 'clusters', 'compare', 'training', 'image'])(
    '%s changes at once',
    async (view, { dashboard }) => {
      await dashboard.view(view, { checkpoint: '2' });
      const { page } = dashboard;
      expect(await moving(dashboard)).toEqual([]);
      for (const key of ['ArrowRight', 'ArrowRight', 'x', 'End', 't', 't']) {
        await page.keyboard.press(key);
        expect(await moving(dashboard)).toEqual([]);
      }
      for (const button of (await page.getByRole('button').all()).slice(0, 12)) {
        if (await button.isVisible()) await button.hover({ force: true });
        expect(await moving(dashboard)).toEqual([]);
      }
      await dashboard.idle();
    },
  );

  test('play is one step at a time', async ({ dashboard }) => {
    await dashboard.view('clusters', { checkpoint: '0' });
    for (const checkpoint of [1, 2, 3]) {
      await dashboard.page.keyboard.press('Space');
      expect(await moving(dashboard)).toEqual([]);
      await dashboard.idle();
      expect(await dashboard.checkpoint()).toBe(checkpoint);
    }
  });
});
