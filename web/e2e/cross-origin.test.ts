// A page of another origin, in a browser: it reaches the server by no way that makes it work, and reads nothing.
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { Server } from './server';

const OTHER_HOST = 'other.test';
let server: Server;
let elsewhere: HttpServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  server = await Server.start(inject('folder'), inject('run'));
  elsewhere = createServer((_, answer) => {
    answer.setHeader('content-type', 'text/html').end('<title>elsewhere</title><body></body>');
  });
  await new Promise<void>((ready) => elsewhere.listen(0, '127.0.0.1', ready));
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      `--host-resolver-rules=MAP ${OTHER_HOST} 127.0.0.1`,
      ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ],
  });
  page = await browser.newPage();
  await page.goto(`http://${OTHER_HOST}:${(elsewhere.address() as AddressInfo).port}/`);
});
afterAll(async () => {
  await browser?.close();
  elsewhere?.close();
  await server?.stop();
});

/** Pictures that were drawn so far. */
async function drawn(): Promise<number> {
  const status = (await (await fetch(`${server.origin}/api/status`)).json()) as { drawing: { done: number } };
  return status.drawing.done;
}

/** What the page gets of an address of the server, by each way that a page has. */
const tried = (address: string): Promise<Record<string, string>> =>
  page.evaluate(async (address) => {
    const tag = (name: string, attributes: Record<string, string>): Promise<string> =>
      new Promise((resolve) => {
        const element = Object.assign(document.createElement(name), attributes);
        element.addEventListener('load', () => resolve('loaded'));
        element.addEventListener('error', () => resolve('error'));
        document.body.append(element);
      });
    const fetched = (options: RequestInit): Promise<string> =>
      fetch(address, options).then(
        (answer) => `status ${answer.status}`,
        () => 'error',
      );
    const stream = new Promise<string>((resolve) => {
      const source = new EventSource(address);
      source.addEventListener('open', () => resolve('open'));
      source.addEventListener('error', () => resolve('error'));
    });
    return {
      cors: await fetched({}),
      'no-cors': await fetched({ mode: 'no-cors' }),
      post: await fetched({ method: 'POST', mode: 'no-cors', body: 'x' }),
      img: await tag('img', { src: address }),
      script: await tag('script', { src: address }),
      stylesheet: await tag('link', { rel: 'stylesheet', href: address }),
      stream: await stream,
    };
  }, address);

test('a page elsewhere reads nothing and has nothing drawn', async () => {
  const before = await drawn();
  for (const path of [
    `/api/runs/${inject('run')}/layers/conv1/strip?scale=4`,
    `/api/runs/${inject('run')}/events`,
    '/api/runs/none/layers/conv1/strip',
    '/',
  ]) {
    for (const [way, got] of Object.entries(await tried(server.origin + path))) {
      expect(got, `${way} ${path}`).toBe('error');
    }
  }
  // A frame is refused before anything is drawn for it.
  const asked = page.waitForResponse((response) => response.url().includes('/strip'));
  await page.evaluate(
    (address) => {
      const frame = document.createElement('iframe');
      frame.src = address;
      document.body.append(frame);
    },
    `${server.origin}/api/runs/${inject('run')}/layers/conv1/strip?scale=5`,
  );
  expect((await asked).status()).toBe(403);
  await page.evaluate((address) => navigator.sendBeacon(address, 'x'), `${server.origin}/api/runs`);
  expect(await drawn()).toBe(before);
});

test('a link that is followed leads to the dashboard', async () => {
  await page.evaluate((address) => {
    const link = Object.assign(document.createElement('a'), { href: address, textContent: 'to the dashboard' });
    document.body.append(link);
  }, server.origin);
  await page.getByText('to the dashboard').click();
  await page.getByRole('navigation', { name: 'Views' }).waitFor();
  await page.goBack();
});

test('a name of another that leads to this machine is not answered', async () => {
  const address = `http://${OTHER_HOST}:${new URL(server.origin).port}/api/runs`;
  const fresh = await browser.newPage();
  const answered = fresh.waitForResponse(address);
  // The browser may try https first, and call the second try an interruption of the first.
  await fresh.goto(address).catch(() => undefined);
  const answer = await answered;
  expect(answer.status()).toBe(403);
  expect(await answer.text()).toContain('does not answer to the host name');
  await fresh.close();
});
