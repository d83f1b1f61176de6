// The lists of possible label errors and of the hardest images: their head stays above what scrolls under it.
import { describe, expect } from 'vitest';
import { test } from './dashboard';

describe.each(['suspects', 'hard'])('the head of the list of %s', (panel) => {
  test('lies over every column of the rows that scroll', async ({ dashboard }) => {
    await dashboard.view('confusion', { checkpoint: 'last', 'confusion.panel': panel });
    const { page } = dashboard;
    const list = page.getByRole('group', { name: /^(Possible label errors|Hardest images)$/ });
    await list.getByRole('row').nth(5).waitFor();
    const seen = await list.evaluate((scroll) => {
      scroll.scrollTop = 60;
      const head = [...scroll.querySelectorAll('thead th, thead td')].filter(
        (cell) => (cell as HTMLElement).offsetWidth > 0,
      );
      return head.map((cell) => {
        const box = cell.getBoundingClientRect();
        const top = document.elementFromPoint(
          box.left + box.width / 2,
          scroll.getBoundingClientRect().top + 12,
        );
        return top?.closest('thead') !== null && top?.closest('thead') !== undefined;
      });
    });
    expect(seen.length).toBeGreaterThan(2);
    expect(seen).not.toContain(false);
  });
});
