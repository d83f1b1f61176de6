// Measures frame times while two runs are scrubbed side by side, on a running server:
//
//   node bench/twoRuns.mjs --at http://127.0.0.1:7878 --a cifar10-80sec --b cifar10-80sec-2
//
// Each view is scrubbed twice: the second pass has the data that the first has read. The browser is $CHROMIUM.
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { idle, scrub, three } from './frames.mjs';

const { values: args } = parseArgs({
  options: { at: { type: 'string' }, a: { type: 'string' }, b: { type: 'string' } },
});
const VIEWS = [
  ['matched filters, their weights', 'view=filters&layer=conv1&show=filters'],
  ['A alone beside B as the reference', 'view=filters&layer=conv1&show=filters&filters.page=one'],
  ['the difference of the confusions', 'view=confusion'],
  ['both curves', 'view=training'],
];

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
try {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  console.log(
    '| two runs, frame while scrubbing, median / p95 / worst | first pass | second pass | layout shift |',
  );
  console.log('|---|---|---|---|');
  for (const [name, hash] of VIEWS) {
    await page.goto(`${args.at}/#run=${args.a}&b.run=${args.b}&checkpoint=0&${hash}`);
    await page.reload();
    await idle(page);
    const last = Number(await page.locator('[role=slider]').first().getAttribute('aria-valuemax'));
    const passes = [];
    for (let pass = 0; pass < 2; pass += 1) {
      passes.push(await scrub(page, last));
      await idle(page);
      await page.keyboard.press('Home');
      await idle(page);
    }
    const shift = Math.max(...passes.map((pass) => pass.shift));
    console.log(
      `| ${name}, ${last} checkpoints | ${three(passes[0].frames)} | ${three(passes[1].frames)} | ${shift.toFixed(4)} |`,
    );
  }
} finally {
  await browser.close();
}
