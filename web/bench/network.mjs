// Measures how long the network strip of a deep network takes: from the run's answer to the strip, and unfolding and folding all
// of its modules, each until script and layout are done. Prints a table for docs/benchmarks.md.
//
//   node bench/network.mjs RUN [--visits 7]
//
// RUN is a run folder, of a network of hundreds of layers (docs/import.md). The binary is $DEEPVIZ_BIN or
// target/release/deepviz, or a server that is up is named with --at http://127.0.0.1:7878; the browser is $CHROMIUM.
import { spawn } from 'node:child_process';
import { basename, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';

const { values: args, positionals } = parseArgs({
  allowPositionals: true,
  options: { visits: { type: 'string', default: '7' }, at: { type: 'string' } },
});
const [folder] = positionals;
if (!folder) throw new Error('which run? node bench/network.mjs RUN');
const deepviz = resolve(process.env.DEEPVIZ_BIN ?? join(import.meta.dirname, '../../target/release/deepviz'));

async function serve() {
  if (args.at) return { address: args.at };
  const server = spawn(deepviz, ['serve', folder, '--addr', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const line of createInterface({ input: server.stdout })) {
    const address = /http:\/\/\S+/.exec(line)?.[0];
    if (address) return { server, address: address.replace(/\/$/, '') };
  }
  throw new Error('deepviz serve ended before it named its address');
}

/** Notes the moment at which the strip is complete. */
function watchStrip() {
  const observer = new MutationObserver(() => {
    if (!document.querySelector('nav.net .nd')) return;
    globalThis.strip_ms = performance.now();
    observer.disconnect();
  });
  observer.observe(document, { childList: true, subtree: true });
}

async function visit(browser, address, run) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.addInitScript(watchStrip);
  await page.goto(`${address}/#run=${run}&view=filters&show=filters`);
  await page.waitForFunction(() => globalThis.strip_ms !== undefined, null, { timeout: 60_000 });
  const first = await page.evaluate((id) => {
    const of = (entry) => new URL(entry.name).pathname.endsWith(`/api/runs/${id}`);
    const answer = performance.getEntriesByType('resource').find(of);
    return globalThis.strip_ms - answer.responseEnd;
  }, run);
  await page.waitForFunction(() => document.documentElement.dataset.idle === 'true', null, {
    timeout: 120_000,
  });
  const turn = () =>
    page.evaluate(async () => {
      const button = [...document.querySelectorAll('.vbar button')].find((one) =>
        /fold all$/.test(one.textContent),
      );
      const started = performance.now();
      button.click();
      await Promise.resolve();
      const strip = document.querySelector('nav.net').firstElementChild;
      const width = strip.getBoundingClientRect().width;
      return { ms: performance.now() - started, width, nodes: strip.querySelectorAll('.nd').length };
    });
  const open = await turn();
  await page.waitForTimeout(500);
  const folded = await turn();
  await page.close();
  return { first, open, folded };
}

const { server, address } = await serve();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
try {
  const run = basename(resolve(folder));
  const detail = await (await fetch(`${address}/api/runs/${run}`)).json();
  const visits = [];
  for (let n = 0; n < Number(args.visits); n += 1) visits.push(await visit(browser, address, run));
  const of = (pick) => {
    const sorted = visits.map(pick).sort((a, b) => a - b);
    return `${sorted[Math.floor(sorted.length / 2)].toFixed(0)} / ${sorted.at(-1).toFixed(0)} ms`;
  };
  const { open } = visits[0];
  console.log('| what | median / worst | target |\n|---|---|---|');
  console.log(`| ${detail.layers.length} layers: the run's answer to the strip | ${of((v) => v.first)} | – |`);
  console.log(
    `| all unfolded (${open.width} pixels, ${open.nodes} layers drawn) | ${of((v) => v.open.ms)} | 100 ms |`,
  );
  console.log(`| all folded again | ${of((v) => v.folded.ms)} | 100 ms |`);
} finally {
  await browser.close();
  server?.kill();
}
