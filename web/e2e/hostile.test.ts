// Names of classes, images and runs may be anything. Everything saved from the page contains them as text: a saved picture
// that is opened for itself or within another page runs nothing, a table is no formula, a copied line is one command.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Download, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import { Dashboard, launched } from './dashboard';
import { Server } from './server';

/** A folder, and so an id: it ends a quoted word of a shell and begins commands. */
const RUN = `a'; touch hit; $(touch hit) "b" #`;
const SCRIPT = '<script>window.hit=1</script>';
const QUOTE = `'; touch hit #`;
const FORMULA = `=cmd|' /C calc'!A0`;
const CLASSES = [
  SCRIPT,
  '"onload="window.hit=1',
  '</style><svg onload=window.hit=1><img src=x onerror=window.hit=1>',
  ']]>&lt;&amp;<!--',
  FORMULA,
  '\u202eesrever\u2066 and \u00a0',
  'bell\u0007escape\u001b[31m',
  '$(touch hit)`touch hit`',
  '&amp; \\ %00 \r\n',
  QUOTE,
];
/** A folder that is removed after the test, whether it passes or not. */
function temporaryFolder(prefix: string): string {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
const VIEWS = ['filters', 'image', 'confusion', 'clusters', 'compare', 'training'];

let server: Server;
let page: Page;
let dashboard: Dashboard;

/** Another name for every class and every kind of image; what a run and its corpus are known by stays the same. */
function rename(folder: string): void {
  const corpus = join(folder, 'hostile-shapes');
  cpSync(join(folder, 'shapes'), corpus, { recursive: true });
  const mark = join(corpus, 'corpus.json');
  const said = JSON.parse(readFileSync(mark, 'utf8')) as { classes: string[]; notes: { subclasses: string[] } };
  expect(said.classes.length).toBe(CLASSES.length);
  said.classes = CLASSES;
  said.notes.subclasses = said.notes.subclasses.map((_, n) => `${CLASSES[n % 7]}${n}`);
  writeFileSync(mark, JSON.stringify(said));
  const run = join(folder, 'hostile-runs', RUN);
  cpSync(join(folder, inject('run')), run, { recursive: true });
  const file = join(run, 'run.toml');
  const changed = readFileSync(file, 'utf8')
    .replace(/^name = .*$/m, () => `name = ${JSON.stringify(SCRIPT)}`)
    .replace(/^classes = \[[^\]]*\]/m, () => `classes = ${JSON.stringify(CLASSES)}`)
    .replace(/^path = .*$/m, () => `path = ${JSON.stringify(corpus)}`);
  expect(changed).toContain('touch hit #');
  writeFileSync(file, changed);
}

beforeAll(async () => {
  rename(inject('folder'));
  server = await Server.start(inject('folder'), 'hostile-runs');
  const context = await (
    await launched()
  ).newContext({
    viewport: { width: 1440, height: 900 },
    permissions: ['clipboard-read', 'clipboard-write'],
    reducedMotion: 'reduce',
  });
  page = await context.newPage();
  dashboard = new Dashboard(page, server.origin, RUN);
});
afterAll(async () => {
  await page?.context().close();
  await server?.stop();
});

const hit = (where: Page) => where.evaluate(() => 'hit' in window);
const menu = () => page.getByRole('button', { name: 'Export: requests, pictures, tables' });

async function taken(label: string | RegExp): Promise<string[]> {
  const texts: string[] = [];
  const buttons = page.getByRole('group', { name: 'Export' }).getByRole('button', { name: label });
  for (const button of await buttons.all()) {
    const [download] = await Promise.all([page.waitForEvent('download') as Promise<Download>, button.click()]);
    expect(download.suggestedFilename()).toMatch(/^[a-z0-9][a-z0-9._-]*\.(svg|csv|png)$/);
    texts.push(readFileSync(await download.path(), 'latin1'));
  }
  return texts.map((text) => Buffer.from(text, 'latin1').toString('utf8'));
}

test.each(VIEWS)('no code runs in %s, nor in files saved from it', async (view) => {
  await dashboard.view(view, { checkpoint: 'last', image: '1300', class: '9', tour: 'off' });
  expect(await hit(page)).toBe(false);
  await menu().click();
  const pictures = await taken(/ as SVG$/);
  expect(pictures.length).toBeGreaterThan(0);
  const tables = await taken(/ as CSV$/);
  const drawn = await taken(/ as PNG$/);
  expect(drawn.length).toBe(pictures.length);
  for (const png of drawn) expect(png).toContain('PNG');

  const folder = temporaryFolder('deepviz-svg-');
  const alone = await (await launched()).newPage();
  let words = '';
  for (const [n, svg] of pictures.entries()) {
    const file = join(folder, `${n}.svg`);
    writeFileSync(file, svg);
    // A document of its own, with the rights of one.
    await alone.goto(pathToFileURL(file).href);
    expect(await alone.evaluate(() => document.documentElement.nodeName)).toBe('svg');
    expect(await alone.locator('parsererror').count()).toBe(0);
    expect(await alone.locator('script, foreignObject, iframe').count()).toBe(0);
    expect(await hit(alone)).toBe(false);
    words += await alone.evaluate(() => document.documentElement.textContent);
    // Pasted into another page.
    await alone.goto('about:blank');
    await alone.setContent(`<!doctype html><title>x</title><body>${svg}</body>`);
    expect(await hit(alone)).toBe(false);
    expect(await alone.locator('script, img').count()).toBe(0);
  }
  await alone.close();
  // Every title contains the name of the run.
  expect(words).toContain(SCRIPT);
  if (view === 'confusion') for (const name of CLASSES.slice(0, 5)) expect(words).toContain(name);
  if (view === 'confusion') expect(words).toContain('bell\ufffdescape\ufffd[31m');
  for (const table of tables) expect(table).not.toMatch(/(^|,|\n)"?[=+@]/);
  if (view === 'confusion') expect(tables.join('')).toContain(`'${FORMULA}`);
});

test('the report and a printed view run nothing', async () => {
  for (const view of ['report', 'confusion']) {
    await dashboard.view(view, { checkpoint: 'last' });
    expect(await page.getByRole('main').textContent()).toContain(SCRIPT);
    await page.pdf({ format: 'A4' });
    expect(await hit(page)).toBe(false);
  }
});

test('a copied line is a request and nothing else', async () => {
  const folder = temporaryFolder('deepviz-curl-');
  let all = '';
  for (const view of VIEWS) {
    await dashboard.view(view, { checkpoint: 'last', image: '1300', class: '9' });
    await menu().click();
    await page.getByRole('button', { name: /^Copy as curl/ }).click();
    await page.getByText('requests copied').waitFor();
    const lines = await page.evaluate(() => navigator.clipboard.readText());
    all += lines;
    // `-f` makes a refusal of the server an error, and `-e` any error one of the shell.
    execFileSync('sh', ['-e'], {
      cwd: folder,
      input: lines.replace(/^curl /gm, 'curl -sSf '),
      encoding: 'utf8',
    });
  }
  expect(all).toContain(`'\\''`);
  expect(existsSync(join(folder, 'hit'))).toBe(false);
  expect(readdirSync(folder).length).toBeGreaterThan(3);
  dashboard.expectClean();
});
