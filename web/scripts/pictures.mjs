// Takes the pictures of the documentation from a run that is being served:
//   node scripts/pictures.mjs http://127.0.0.1:7878 RUN ../docs/images [NAME...] [--beside RUN]
// Every view in both themes, and one animated picture of scrubbing; or those that are named. Two runs need a second one. CHROMIUM names the browser (e2e/ensure-chromium.sh),
// PYTHON a Python with Pillow, which brings the colours of the files down (scripts/palette.py).
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { beside: { type: 'string', default: '' } },
});
const [address = 'http://127.0.0.1:7878', run, out = '../docs/images', ...names] = positionals;
const isWanted = (name) => names.length === 0 || names.includes(name);
if (!run) throw new Error('usage: node scripts/pictures.mjs ADDRESS RUN [FOLDER]');
const SIZE = { width: 1280, height: 800 };
const VIEWS = {
  story: {},
  filters: {},
  card: { view: 'filters', layer: 'conv3' },
  // A filter of the last layer with maps, whose picture is worth looking at.
  made: { view: 'filters', layer: 'conv3', filter: '42', made: 'noise' },
  connections: { view: 'filters', show: 'connections', layer: 'conv2', filter: '7' },
  image: {},
  why: { view: 'image', 'image.page': 'why' },
  remembers: { view: 'image', 'image.page': 'remembers' },
  confusion: { 'confusion.cell': '3-5' },
  off: { view: 'confusion', 'confusion.panel': 'costs', off: 'fc64:39' },
  apart: { view: 'confusion', 'confusion.cell': '3-5', 'confusion.panel': 'apart' },
  review: { view: 'confusion', 'confusion.page': 'review' },
  flow: { view: 'confusion', 'confusion.picture': 'flow', 'confusion.panel': 'moves' },
  clusters: {},
  compare: {},
  training: {},
  units: { view: 'training', 'training.page': 'units' },
  report: {},
  ...(values.beside && { two: { view: 'story', 'b.run': values.beside } }),
};

const idle = (page) => page.waitForFunction(() => document.documentElement.dataset.idle === 'true');
async function open(page, said) {
  // Another page in between: an address that differs after its # only is not loaded anew.
  await page.goto('about:blank');
  await page.goto(`${address}/#${new URLSearchParams({ run, ...said })}`);
  await page.getByRole('navigation', { name: 'Views' }).waitFor();
  await idle(page);
}
/** The card of a filter in the middle of the bank. */
async function openCard(page) {
  await page.getByRole('listbox', { name: 'Filter bank of' }).hover();
  await page.getByRole('dialog').waitFor();
  await idle(page);
}
const python = (...args) => execFileSync(process.env.PYTHON ?? 'python3', args, { stdio: 'inherit' });

/** A server that has just started is still reading the images. */
async function imagesThere() {
  for (let tries = 0; tries < 120; tries += 1) {
    const { corpus } = await (await fetch(`${address}/api/runs/${encodeURIComponent(run)}`)).json();
    if (corpus?.available) return;
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
  throw new Error('the images of the run are not there');
}

/** Most checkpoints of the run, one picture each. */
async function scrubbed() {
  const page = await browser.newPage({ viewport: SIZE, colorScheme: 'dark', reducedMotion: 'reduce' });
  await open(page, { view: 'filters', checkpoint: '0' });
  const last = Number(await page.getByRole('slider', { name: 'Checkpoint' }).getAttribute('aria-valuemax'));
  // Most happens at the beginning: every checkpoint there, then in strides.
  const stops = Array.from({ length: last + 1 }, (_, c) => c).filter(
    (c) => c < 16 || c % 3 === 0 || c === last,
  );
  let at = 0;
  for (const [n, stop] of stops.entries()) {
    for (; at < stop; at += 1) await page.keyboard.press('ArrowRight');
    await idle(page);
    await page.screenshot({ path: join(scratch, `scrub-${String(n).padStart(3, '0')}.png`) });
  }
}

await imagesThere();
mkdirSync(out, { recursive: true });
const scratch = mkdtempSync(join(tmpdir(), 'deepviz-pictures-'));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
try {
  for (const colorScheme of ['light', 'dark']) {
    const page = await browser.newPage({ viewport: SIZE, colorScheme, reducedMotion: 'reduce' });
    for (const [name, more] of Object.entries(VIEWS).filter(([name]) => isWanted(name))) {
      await open(page, { view: name, ...more });
      if (name === 'card') await openCard(page);
      await page.screenshot({ path: join(scratch, `${name}-${colorScheme}.png`) });
    }
    await page.close();
  }
  if (isWanted('scrubbing')) await scrubbed();
  python(join(import.meta.dirname, 'palette.py'), scratch, out);
} finally {
  await browser.close();
  rmSync(scratch, { recursive: true });
}
