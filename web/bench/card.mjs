// Measures how soon a filter card is complete: from the end of the pointer's rest until patches, firing rate and
// connections are on the page.

/** Time that the pointer rests before a card opens (src/views/common/card/card.svelte.ts). */
const REST_MS = 150;

const SHEET = '[role=listbox][data-units]';

/** Waits for the next move of the pointer, then for the complete card. The time is measured within the page. */
const watch = (page) =>
  page.evaluate((rest) => {
    const whole = (card) =>
      card?.querySelectorAll('[role=listitem]').length > 0 &&
      card.querySelector('.mid svg path') !== null &&
      card.querySelector('.in > *') !== null;
    globalThis.card_ms = new Promise((resolve) => {
      const moved = (event) => {
        const look = () => {
          if (whole(document.querySelector('.fcard'))) resolve(performance.now() - event.timeStamp - rest);
          else requestAnimationFrame(look);
        };
        requestAnimationFrame(look);
      };
      addEventListener('pointermove', moved, { once: true, capture: true });
    });
  }, REST_MS);

/** Milliseconds for each of some filters of the layer on the page, at places of the bank that are given as shares. */
export async function cardTimes(page, places) {
  const times = [];
  const box = await page.locator(SHEET).first().boundingBox();
  for (const [x, y] of places) {
    await page.mouse.move(4, 4);
    await page.waitForFunction(() => !document.querySelector('.fcard'));
    await watch(page);
    await page.mouse.move(box.x + box.width * x, box.y + box.height * y);
    times.push(await page.evaluate(() => globalThis.card_ms));
  }
  return times;
}

/** Places over the whole bank, row by row. */
export const placesOf = (columns, rows) =>
  Array.from({ length: columns * rows }, (_, n) => [
    ((n % columns) + 0.5) / columns,
    (Math.floor(n / columns) + 0.5) / rows,
  ]);

/** A click keeps the card of the first filter; it stays open while one scrubs. */
export async function keepCard(page) {
  await page
    .locator(SHEET)
    .first()
    .click({ position: { x: 12, y: 12 } });
  await page.locator('.fcard.kept').waitFor();
}
