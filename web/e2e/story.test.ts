// The story of the run: the landing page of a finished run, its sentences, the presenter, sentences of users.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, inject } from 'vitest';
import { test, type Dashboard } from './dashboard';

const FILE = join(inject('folder'), `${inject('run')}.story.json`);
afterEach(() => rmSync(FILE, { force: true }));

interface Sentence {
  id: string;
  text: string;
  evidence: string;
  checkpoint: number;
  link: { view: string; checkpoint: number; options: Record<string, string> };
}

const read = ({ page, run }: Dashboard): Promise<Sentence[]> =>
  page.evaluate(
    async (id) => ((await (await fetch(`api/runs/${id}/story`)).json()) as { sentences: Sentence[] }).sentences,
    run,
  );
const texts = ({ page }: Dashboard) => page.locator('.st h2').allTextContents();

describe('the story of a finished run', () => {
  test('is its landing page; an address that names a view opens that view', async ({ dashboard }) => {
    await dashboard.open('/');
    expect(dashboard.urlValue('view')).toBe('story');
    const sentences = await read(dashboard);
    expect(sentences.length).toBeGreaterThanOrEqual(4);
    expect((await texts(dashboard)).map((one) => one.trim())).toEqual(sentences.map((one) => one.text));
    await dashboard.expectAccessible();
    await dashboard.open(`/#run=${dashboard.run}`);
    expect(dashboard.urlValue('view')).toBe('story');
    await dashboard.open(`/#run=${dashboard.run}&view=clusters`);
    expect(dashboard.urlValue('view')).toBe('clusters');
  });

  test('every sentence leads to the view set up for it', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('story');
    for (const { text, link } of await read(dashboard)) {
      await dashboard.view('story');
      await page.getByRole('link', { name: text }).click();
      await dashboard.idle();
      expect(dashboard.urlValue('view')).toBe(link.view);
      expect(await dashboard.checkpoint()).toBe(link.checkpoint);
      for (const [key, value] of Object.entries(link.options)) expect(dashboard.urlValue(key)).toBe(value);
    }
    await page.goBack();
    await dashboard.idle();
    expect(dashboard.urlValue('view')).toBe('story');
  });

  test('has its sentences and evidence as a table', async ({ dashboard }) => {
    await dashboard.view('story');
    await dashboard.press('t');
    const table = dashboard.page.getByRole('complementary', { name: 'Numbers of this view' });
    expect(await table.getByRole('row').count()).toBe((await read(dashboard)).length + 1);
  });

  test('is one column on a phone, and is walked through by touch', async ({ dashboard }) => {
    const { page } = dashboard;
    await page.setViewportSize({ width: 390, height: 844 });
    await dashboard.view('story');
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    const buttons = page.getByRole('main').getByRole('button');
    for (const box of await buttons.evaluateAll((all) => all.map((one) => one.getBoundingClientRect().height)))
      expect(box).toBeGreaterThanOrEqual(44);
    await page.getByRole('button', { name: /^Present/ }).click();
    await dashboard.idle();
    await page.getByRole('button', { name: 'Next sentence' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('story.at')).toBe('1');
    await dashboard.expectAccessible();
    await page.getByRole('button', { name: 'leave' }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('present')).toBeNull();
  });
});

describe('found sentences', () => {
  test('are left out by keyboard or pointer, everywhere, and brought back', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('story');
    const before = await texts(dashboard);
    await page.getByRole('button', { name: `Leave out: ${before[0]}` }).click();
    await expect.poll(() => texts(dashboard)).toEqual(before.slice(1));
    await page.getByRole('button', { name: `Leave out: ${before[1]}` }).focus();
    await dashboard.press('Enter');
    await expect.poll(() => texts(dashboard)).toEqual(before.slice(2));
    await dashboard.expectAccessible();
    // The browser keeps them; the presenter obeys.
    await page.reload();
    await dashboard.idle();
    await expect.poll(() => texts(dashboard)).toEqual(before.slice(2));
    await dashboard.press('p');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(before[2]);
    await dashboard.press('Escape');
    await page.getByRole('button', { name: 'show all' }).click();
    await expect.poll(() => texts(dashboard)).toEqual(before);
  });
});

describe('the presenter', () => {
  test('walks through the sentences by keys; the playhead goes where each is about', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('story', { checkpoint: '1' });
    const sentences = await read(dashboard);
    await dashboard.press('p');
    const heading = page.getByRole('heading', { level: 1 });
    expect(await heading.textContent()).toBe(sentences[0].text);
    expect(await dashboard.checkpoint()).toBe(sentences[0].checkpoint);
    expect(await page.getByRole('navigation', { name: 'Views' }).isVisible()).toBe(false);
    const timeline = await page.getByRole('contentinfo').boundingBox();
    expect(timeline?.height).toBe(44);
    await dashboard.expectAccessible();
    for (const [key, at] of [
      ['Space', 1],
      ['ArrowRight', 2],
      ['PageDown', 3],
      ['ArrowLeft', 2],
    ] as const) {
      await dashboard.press(key);
      expect(await heading.textContent()).toBe(sentences[at].text);
      expect(await dashboard.checkpoint()).toBe(sentences[at].checkpoint);
    }
    // The address holds it.
    await page.reload();
    await dashboard.idle();
    expect(await heading.textContent()).toBe(sentences[2].text);
    await dashboard.press('Escape');
    expect(await texts(dashboard)).toHaveLength(sentences.length);
    expect(await page.getByRole('navigation', { name: 'Views' }).isVisible()).toBe(true);
  });

  test('at either end it stays, and it is left from any view', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('story');
    const sentences = await read(dashboard);
    await dashboard.press('p');
    await dashboard.press('ArrowLeft');
    expect(dashboard.urlValue('story.at')).toBeNull();
    for (let n = 0; n < sentences.length; n++) await dashboard.press('Space');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(sentences.at(-1)?.text);
    // The view set up for the sentence stays large; Space plays there.
    await page.getByRole('link', { name: /^open in/ }).click();
    await dashboard.idle();
    expect(dashboard.urlValue('present')).toBe('1');
    expect(await page.getByRole('navigation', { name: 'Views' }).isVisible()).toBe(false);
    await dashboard.press('0');
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe(sentences.at(-1)?.text);
    await dashboard.press('1');
    expect(await page.locator('.rail').isVisible()).toBe(false);
    const size = () => page.evaluate(() => parseFloat(getComputedStyle(document.body).fontSize));
    const large = await size();
    await dashboard.press('p');
    expect(large).toBeCloseTo(1.5 * (await size()));
    expect(await page.locator('.rail').isVisible()).toBe(true);
  });
});

describe('sentences of users', () => {
  test('are added, edited and removed, and kept beside the run', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('story', { checkpoint: '3' });
    await page.getByRole('button', { name: 'Add a sentence' }).click();
    await page.getByRole('textbox', { name: 'Sentence' }).fill('Look at the first layer.');
    await page.getByRole('textbox', { name: 'Note' }).fill('Edges come first.');
    await page.getByRole('combobox', { name: 'Leads to' }).selectOption('filters');
    await dashboard.expectAccessible();
    await page.keyboard.press('Tab');
    await page.getByRole('button', { name: 'Keep' }).press('Enter');
    await dashboard.idle();
    const file = () =>
      JSON.parse(readFileSync(FILE, 'utf8')) as { sentences: { text: string; address: string }[] };
    expect(file().sentences).toHaveLength(1);
    expect(file().sentences[0].address).toMatch(/^view=filters&checkpoint=3/);
    expect(await texts(dashboard)).toContain('Look at the first layer.');
    await page.getByRole('button', { name: 'Edit: Look at the first layer.' }).click();
    await page.getByRole('textbox', { name: 'Sentence' }).fill('Look at conv1.');
    await page.getByRole('button', { name: 'Keep' }).click();
    await dashboard.idle();
    expect(file().sentences[0].text).toBe('Look at conv1.');
    // It is a slide like the others, and its link leads to the view.
    await page.reload();
    await dashboard.idle();
    await page.getByRole('link', { name: 'Look at conv1.' }).click();
    await dashboard.idle();
    expect([dashboard.urlValue('view'), await dashboard.checkpoint()]).toEqual(['filters', 3]);
    await page.goBack();
    await dashboard.idle();
    await page.getByRole('button', { name: 'Remove: Look at conv1.' }).click();
    await dashboard.idle();
    expect(existsSync(FILE)).toBe(false);
  });

  test('are exported and imported as that file', async ({ dashboard }) => {
    const { page } = dashboard;
    const story = { format: 1, run: 'other', sentences: [{ text: 'Mine.', note: '', address: 'view=image' }] };
    await dashboard.view('story');
    const chooser = page.getByLabel('A file of sentences');
    const given = (text: string) => ({
      name: 'a.json',
      mimeType: 'application/json',
      buffer: Buffer.from(text),
    });
    await chooser.setInputFiles(given(JSON.stringify(story)));
    await dashboard.idle();
    await expect.poll(() => texts(dashboard)).toContain('Mine.');
    // The same file twice adds nothing.
    await chooser.setInputFiles(given(JSON.stringify(story)));
    await dashboard.idle();
    expect((await texts(dashboard)).filter((one) => one === 'Mine.')).toHaveLength(1);
    const saving = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export', exact: true }).click();
    const saved = JSON.parse(readFileSync(await (await saving).path(), 'utf8')) as typeof story;
    expect(saved).toEqual({ ...story, run: dashboard.run });
    await chooser.setInputFiles(given('{"format": 2}'));
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('The file holds no sentences');
  });

  test('changed by someone else meanwhile are not written over', async ({ dashboard }) => {
    const { page } = dashboard;
    await dashboard.view('story');
    writeFileSync(FILE, JSON.stringify({ format: 1, sentences: [{ text: 'Theirs.' }] }));
    await page.getByRole('button', { name: 'Add a sentence' }).click();
    await page.getByRole('textbox', { name: 'Sentence' }).fill('Mine.');
    const refused = page.waitForResponse((answer) => answer.status() === 409);
    await page.getByRole('button', { name: 'Keep' }).click();
    await refused;
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('changed by someone else');
    dashboard.expected(/409/);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'read again' }).click();
    await dashboard.idle();
    await expect.poll(() => texts(dashboard)).toContain('Theirs.');
  });
});
