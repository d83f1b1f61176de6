// Measures how the dashboard responds: frame times while a long run is scrubbed, also with a filter card and with the
// separation by layer open, how soon a card is complete, layout shifts, cold jumps, the weight of the first load, memory while it plays.
// Prints a table for docs/benchmarks.md.
//
//   node bench/measure.mjs [--dir FOLDER] [--minutes 2] [--checkpoints 1000] [--at http://127.0.0.1:7878]
//
// FOLDER keeps the runs between calls; --at names a server that is up and has them: `long`, and `counted`, which has statistics. The binary is $DEEPVIZ_BIN or target/release/deepviz, the browser $CHROMIUM.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { idle, quantile, scrub, three } from './frames.mjs';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { cardTimes, keepCard, placesOf } from './card.mjs';

const { values: args } = parseArgs({
  options: {
    dir: { type: 'string' },
    at: { type: 'string' },
    minutes: { type: 'string', default: '2' },
    checkpoints: { type: 'string', default: '1000' },
  },
});
const CHECKPOINTS = Number(args.checkpoints);
const MINUTES = Number(args.minutes);
const STEPS_AN_EPOCH = 20;
const VISITS = 6;
/** Checkpoints of `counted`, the run with statistics. */
const CHECKPOINTS_COUNTED = 100;

const deepviz = resolve(process.env.DEEPVIZ_BIN ?? join(import.meta.dirname, '../../target/release/deepviz'));
if (!args.at && !existsSync(deepviz))
  throw new Error(`no binary at ${deepviz}; \`make bench-web\` builds it first`);

/** Runs of the shapes corpus with a snapshot after every step: a long one, and a short one with statistics. */
function makeRuns(folder) {
  const run = (...command) =>
    execFileSync(deepviz, command, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  const train = (name, checkpoints) => {
    const epochs = String(Math.ceil(checkpoints / STEPS_AN_EPOCH));
    const settings = ['--epochs', epochs, '--snapshot-every', '1 steps', '--quiet'];
    run('train', 'shapes-quick', '--corpus', 'shapes', '--out', name, ...settings);
  };
  const isMade = (name) => existsSync(join(folder, name));
  if (!isMade('shapes')) run('corpus', 'make', 'shapes', '--out', 'shapes', '--images', '1500', '--seed', '7');
  if (!isMade('long/run.toml')) train('long', CHECKPOINTS);
  if (!isMade('counted/run.toml')) train('counted', CHECKPOINTS_COUNTED);
  run('stats', 'counted');
}

async function serve(folder) {
  const server = spawn(deepviz, ['serve', 'long', 'counted', '--addr', '127.0.0.1:0'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: server.stdout })) {
    const address = /http:\/\/\S+/.exec(line)?.[0];
    if (address) return { server, address: address.replace(/\/$/, '') };
  }
  throw new Error('deepviz serve ended before it named its address');
}

/**
 * Bytes over the wire of a first visit, before and with Vega, and the time until the slider can be used: until the
 * first frame that has it. The page takes that time itself: asked from here, the answer waits behind what loads next.
 */
async function load(browser, address) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Network.enable');
  const urls = new Map();
  const bytes = { app: 0, vega: 0, data: 0 };
  session.on('Network.responseReceived', (event) => urls.set(event.requestId, event.response.url));
  session.on('Network.loadingFinished', (event) => {
    const url = urls.get(event.requestId) ?? '';
    const kind = url.includes('/api/') ? 'data' : /vega/.test(url) ? 'vega' : 'app';
    bytes[kind] += event.encodedDataLength;
  });
  await page.addInitScript(() => {
    const look = () => {
      const max = document.querySelector('[role=slider]')?.getAttribute('aria-valuemax');
      if (Number(max) > 0) globalThis.interactive_ms = performance.now();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto(`${address}/#run=long&view=filters&show=filters`);
  await page.waitForFunction(() => globalThis.interactive_ms !== undefined);
  const interactive_ms = await page.evaluate(() => globalThis.interactive_ms);
  // From two seconds on the code of views that are not open is fetched.
  await page.waitForTimeout(1500);
  const { app } = bytes;
  await idle(page);
  await page.goto(`${address}/#run=long&view=training`);
  await page.locator('main svg.marks').first().waitFor();
  await idle(page);
  await context.close();
  return { app, vega: bytes.vega, interactive_ms };
}

/** Time from a press far away on the slider until the right picture is shown. */
async function jump(page, share) {
  return page.evaluate(async (at) => {
    const slider = document.querySelector('[role=slider]');
    const box = slider.getBoundingClientRect();
    const press = {
      clientX: box.left + 56 + (box.width - 144) * at,
      clientY: box.top + 40,
      bubbles: true,
      button: 0,
      pointerId: 1,
    };
    const started = performance.now();
    slider.dispatchEvent(new PointerEvent('pointerdown', press));
    slider.dispatchEvent(new PointerEvent('pointerup', press));
    for (;;) {
      await new Promise((resolve) => requestAnimationFrame(resolve));
      if (!document.querySelector('.handle.late')) return performance.now() - started;
    }
  }, share);
}

async function memory(session) {
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  const of = (name) => metrics.find((one) => one.name === name)?.value ?? 0;
  return { heap_mb: of('JSHeapUsedSize') / 1e6, nodes: of('Nodes'), listeners: of('JSEventListeners') };
}

const folder = args.dir ? resolve(args.dir) : mkdtempSync(join(tmpdir(), 'deepviz-bench-'));
if (!args.at) makeRuns(folder);
const { server, address } = args.at ? { address: args.at } : await serve(folder);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
const rows = [];
try {
  const visits = [];
  for (let n = 0; n < VISITS; n += 1) visits.push(await load(browser, address));
  const weight = visits[0];
  const usable = visits.map((one) => one.interactive_ms);
  const kb = (bytes) => `${(bytes / 1000).toFixed(0)} KB`;
  rows.push(
    ['first load before Vega', kb(weight.app), '250 KB'],
    ['Vega, when first needed', kb(weight.vega), '–'],
  );
  rows.push([
    `slider usable after: the browser's first page, then the median of ${VISITS - 1} (nothing kept)`,
    `${usable[0].toFixed(0)}, ${quantile(
      usable.slice(1).sort((a, b) => a - b),
      0.5,
    ).toFixed(0)} ms`,
    '1,000 ms',
  ]);

  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  for (const [name, hash] of [
    ['a weight layer', 'view=filters&show=filters&layer=conv1'],
    ['weights and activations', 'view=filters&show=both&layer=conv1'],
    ['Training', 'view=training'],
  ]) {
    await page.goto(`${address}/#run=long&checkpoint=0&${hash}`);
    await page.reload();
    await idle(page);
    const last = Number(await page.locator('[role=slider]').getAttribute('aria-valuemax'));
    const { frames, shift, late } = await scrub(page, Math.min(last, CHECKPOINTS));
    const sorted = [...frames].sort((a, b) => a - b);
    rows.push([
      `${name}: frame while scrubbing ${frames.length}, median / p95 / worst`,
      three(frames),
      '– / 17 / 50 ms',
    ]);
    rows.push([`${name}: frames over 50 ms`, String(sorted.filter((one) => one > 50).length), '0']);
    rows.push([`${name}: frames with a picture in flight`, String(late), '–']);
    rows.push([`${name}: layout shift`, shift.toFixed(4), '0']);
  }
  await page.goto(`${address}/#run=long&checkpoint=0&view=filters&show=filters&layer=conv1`);
  await page.reload();
  await idle(page);
  const jumps = [];
  for (const share of [0.9, 0.2, 0.7, 0.35, 0.95, 0.5, 0.12, 0.81, 0.28, 0.63]) {
    jumps.push(await jump(page, share));
    await idle(page);
  }
  jumps.sort((a, b) => a - b);
  rows.push([
    'cold jump, median / worst of 10',
    `${jumps[4].toFixed(0)} / ${jumps.at(-1).toFixed(0)} ms`,
    '100 ms',
  ]);

  // The filter card and the separation by layer, on the run with statistics.
  await page.goto(`${address}/#run=counted&checkpoint=last&view=filters&show=filters&layer=conv1&filter=none`);
  await page.reload();
  await idle(page);
  const places = placesOf(4, 4);
  await cardTimes(page, places.slice(-1));
  for (const how of ['another filter each time', 'again']) {
    const times = await cardTimes(page, places);
    rows.push([`filter card after its delay, warm, ${how}: median / p95 / worst of 16`, three(times), '50 ms']);
  }
  for (const [name, hash, prepare] of [
    ['a filter card open', 'view=filters&show=both&layer=conv1&filter=none', keepCard],
    [
      'tell apart open',
      'view=confusion&confusion.panel=apart',
      (at) => at.locator('.separation li').first().waitFor(),
    ],
  ]) {
    await page.goto(`${address}/#run=counted&checkpoint=0&${hash}`);
    await page.reload();
    await idle(page);
    await prepare(page);
    await idle(page);
    const last = Number(await page.locator('[role=slider]').getAttribute('aria-valuemax'));
    for (const visit of ['first', 'second']) {
      const { frames, shift } = await scrub(page, last);
      rows.push([`${name}: frame while scrubbing ${last}, ${visit} time`, three(frames), '– / 22 / – ms']);
      rows.push([`${name}: layout shift`, shift.toFixed(4), '0']);
      await page.keyboard.press('Home');
      await idle(page);
    }
  }

  if (MINUTES > 0) {
    const session = await context.newCDPSession(page);
    await session.send('Performance.enable');
    await page.goto(`${address}/#run=long&checkpoint=0&view=filters&show=both&layer=conv1&speed=60&loop=all`);
    await page.reload();
    await idle(page);
    await page.getByRole('button', { name: 'Play' }).click();
    await page.waitForTimeout(20_000);
    const before = await memory(session);
    await page.waitForTimeout(MINUTES * 60_000);
    const after = await memory(session);
    const pair = (name, digits = 0) => `${before[name].toFixed(digits)} → ${after[name].toFixed(digits)}`;
    rows.push([
      `script memory over ${MINUTES} min of playing at 60 a second`,
      `${pair('heap_mb', 1)} MB`,
      'steady',
    ]);
    rows.push(['elements, listeners over the same time', `${pair('nodes')}, ${pair('listeners')}`, 'steady']);
  }
  if (errors.length) throw new Error(`the page reported: ${errors.join('; ')}`);
} finally {
  await browser.close();
  server?.kill();
  if (!args.dir) rmSync(folder, { recursive: true, force: true });
}
console.log(`${cpus()[0].model}, ${cpus().length} cores, headless Chromium, no GPU\n`);
console.log('| what | measured | target |\n|---|---|---|');
for (const row of rows) console.log(`| ${row.join(' | ')} |`);
