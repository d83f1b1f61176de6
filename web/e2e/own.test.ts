// A picture of one's own: chosen, pasted, dropped; and the brush, by pointer, keyboard and touch.
import { describe, expect } from 'vitest';
import { Dashboard, launched, test } from './dashboard';

/** A corpus image as a file; it is the network's own size. */
async function file(dashboard: Dashboard, image = 1250): Promise<Buffer> {
  const run = (await (await fetch(`${dashboard.address}/api/runs/${dashboard.run}`)).json()) as {
    corpus: { id: string };
  };
  const answer = await fetch(
    `${dashboard.address}/api/corpora/${run.corpus.id}/images/${image}/pixels?scale=3`,
  );
  return Buffer.from(await answer.arrayBuffer());
}

const selected = (dashboard: Dashboard) =>
  new URLSearchParams(new URL(dashboard.page.url()).hash.slice(1)).get('image');

/** Gives the page a file as the browser does on paste and drop. */
async function give(dashboard: Dashboard, kind: 'paste' | 'drop', bytes: Buffer): Promise<void> {
  await dashboard.page.evaluate(
    ([kind, base64]) => {
      const data = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      data.items.add(new File([bytes], 'mine.png', { type: 'image/png' }));
      const event =
        kind === 'paste'
          ? new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
          : new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
    },
    [kind, bytes.toString('base64')] as const,
  );
}

test('a chosen picture is the selected image of every view', async ({ dashboard }) => {
  await dashboard.view('confusion', { checkpoint: 'last' });
  const { page } = dashboard;
  await page.getByRole('button', { name: 'A picture of your own' }).click();
  await dashboard.expectAccessible();
  const buffer = await file(dashboard);
  await page.locator('input[type=file]').setInputFiles({ name: 'mine.png', mimeType: 'image/png', buffer });
  await expect.poll(() => page.getByRole('heading', { name: 'Own picture' }).count()).toBe(1);
  await dashboard.idle();
  expect(Number(selected(dashboard))).toBeGreaterThanOrEqual(2 ** 31);
  const rail = page.getByRole('complementary', { name: 'The image' });
  expect(await rail.textContent()).toContain('mine.png');
  // History, neighbours, units and maps are shown.
  expect(await page.getByRole('img', { name: /Probabilit/ }).count()).toBeGreaterThan(0);
  const similar = page.getByRole('region', { name: 'Similar images' });
  await expect.poll(() => similar.textContent()).toMatch(/\d+ of \d+ are \w+/);
  await expect.poll(() => page.locator('.units button').count()).toBeGreaterThan(3);
  expect(await page.getByRole('listbox', { name: /^conv1: \d+ activation maps/ }).count()).toBe(1);
  await dashboard.expectAccessible();
  await page.keyboard.press('1');
  await dashboard.idle();
  expect(await page.getByRole('region', { name: 'Selected image' }).textContent()).toContain('own picture');
  // The address finds it again as long as the server has it.
  await page.reload();
  await dashboard.idle();
  expect(await page.getByRole('region', { name: 'Selected image' }).textContent()).toContain('own picture');
});

test('a picture is pasted and dropped anywhere', async ({ dashboard }) => {
  await dashboard.view('filters', { checkpoint: 'last', image: '3' });
  await give(dashboard, 'paste', await file(dashboard, 7));
  await expect.poll(() => Number(selected(dashboard))).toBeGreaterThanOrEqual(2 ** 31);
  const pasted = selected(dashboard);
  await dashboard.idle();
  await give(dashboard, 'drop', await file(dashboard, 8));
  await expect.poll(() => selected(dashboard)).not.toBe(pasted);
  await dashboard.idle();
  await dashboard.page.goBack();
  await expect.poll(() => selected(dashboard)).toBe(pasted);
});

/** Bars of the rail: each class with its probability. */
const bars = (dashboard: Dashboard) => dashboard.page.locator('.rail .pb').allTextContents();

describe('the brush', () => {
  test('by pointer: bars follow, the covered image is selected, uncover returns', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1250' });
    const { page } = dashboard;
    const before = await bars(dashboard);
    await page.getByRole('button', { name: 'cover parts' }).click();
    const canvas = page.getByRole('application', { name: /^Brush over the image/ });
    await dashboard.idle();
    await dashboard.expectAccessible();
    const box = (await canvas.boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.3);
    await page.mouse.down();
    for (let n = 0; n <= 8; n += 1)
      await page.mouse.move(box.x + box.width * (0.3 + 0.05 * n), box.y + box.height * (0.3 + 0.06 * n));
    // While the button is down the bars have moved and the image is the same.
    await expect.poll(() => bars(dashboard)).not.toEqual(before);
    expect(selected(dashboard)).toBe('1250');
    await page.mouse.up();
    await expect.poll(() => Number(selected(dashboard))).toBeGreaterThanOrEqual(2 ** 31);
    await dashboard.idle();
    const rail = page.getByRole('complementary', { name: 'The image' });
    expect(await rail.textContent()).toContain('#1250, covered');
    expect(await rail.textContent()).toContain('uncovered');
    await page.getByRole('button', { name: 'uncover' }).click();
    await expect.poll(() => selected(dashboard)).toBe('1250');
    await dashboard.idle();
    expect(await bars(dashboard)).toEqual(before);
  });

  test('by keyboard', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1251' });
    const { page } = dashboard;
    await page.getByRole('button', { name: 'cover parts' }).focus();
    await page.keyboard.press('Enter');
    await dashboard.idle();
    await page.getByRole('application', { name: /^Brush over the image/ }).focus();
    for (const key of ['+', '+', 'ArrowUp', ' ', 'ArrowRight', ' ']) await page.keyboard.press(key);
    await expect.poll(() => Number(selected(dashboard))).toBeGreaterThanOrEqual(2 ** 31);
    await dashboard.idle();
    await page.getByRole('button', { name: 'uncover' }).waitFor();
  });

  test('a stroke by keys is finished when the view is left', async ({ dashboard }) => {
    await dashboard.view('image', { checkpoint: 'last', image: '1253' });
    const { page } = dashboard;
    await page.getByRole('button', { name: 'cover parts' }).focus();
    await page.keyboard.press('Enter');
    await dashboard.idle();
    const brush = page.getByRole('application', { name: /^Brush over the image/ });
    await brush.focus();
    // A server that fails once says so, and the words go with the next stroke.
    await page.route('**/predict', (route) => route.fulfill({ status: 503, body: '{}' }), { times: 1 });
    await page.keyboard.press(' ');
    await expect.poll(() => page.getByRole('alert').count()).toBe(1);
    dashboard.expected(/503/);
    await brush.focus();
    await page.keyboard.press(' ');
    await expect.poll(() => page.getByRole('alert').count()).toBe(0);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press(' ');
    await page.keyboard.press('1');
    await expect.poll(() => Number(selected(dashboard))).toBeGreaterThanOrEqual(2 ** 31);
    await dashboard.idle();
    expect(dashboard.urlValue('view')).toBe('filters');
    expect(await page.getByRole('region', { name: 'Selected image' }).textContent()).toContain(
      '#1253, covered',
    );
  });

  test('by touch', async () => {
    const context = await (
      await launched()
    ).newContext({ viewport: { width: 820, height: 1180 }, hasTouch: true, reducedMotion: 'reduce' });
    const dashboard = new Dashboard(await context.newPage());
    await dashboard.view('image', { checkpoint: 'last', image: '1252' });
    const { page } = dashboard;
    await page.getByRole('button', { name: 'cover parts' }).tap();
    await dashboard.idle();
    await page.getByRole('application', { name: /^Brush over the image/ }).tap();
    await expect.poll(() => Number(selected(dashboard))).toBeGreaterThanOrEqual(2 ** 31);
    await dashboard.idle();
    await context.close();
    dashboard.expectClean();
  });
});

test('on a phone a picture is chosen by touch', async () => {
  const context = await (
    await launched()
  ).newContext({ viewport: { width: 390, height: 844 }, hasTouch: true, reducedMotion: 'reduce' });
  const dashboard = new Dashboard(await context.newPage());
  const { page } = dashboard;
  await dashboard.view('confusion', { checkpoint: 'last' });
  const opener = page.getByRole('button', { name: 'A picture of your own' });
  expect((await opener.boundingBox())!.height).toBeGreaterThanOrEqual(44);
  await opener.tap();
  const choose = page.getByRole('button', { name: 'Choose a file…' });
  const box = (await choose.boundingBox())!;
  expect(box.height).toBeGreaterThanOrEqual(44);
  expect(box.x).toBeGreaterThanOrEqual(0);
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), choose.tap()]);
  await chooser.setFiles({ name: 'mine.png', mimeType: 'image/png', buffer: await file(dashboard) });
  await expect.poll(() => page.getByRole('heading', { name: 'Own picture' }).count()).toBe(1);
  await dashboard.idle();
  await context.close();
  dashboard.expectClean();
});

test('what is no picture says so', async ({ dashboard }) => {
  await dashboard.view('image', { checkpoint: 'last', image: '1250' });
  const { page } = dashboard;
  await page.getByRole('button', { name: 'A picture of your own' }).click();
  const buffer = Buffer.from('no picture');
  await page.locator('input[type=file]').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer });
  await expect.poll(() => page.getByRole('alert').textContent()).toMatch(/cannot read the image/);
  expect(selected(dashboard)).toBe('1250');
  dashboard.expected(/415/);
  await page.keyboard.press('Escape');
  expect(await page.getByRole('alert').count()).toBe(0);
});
