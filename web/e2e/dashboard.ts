// The dashboard in a browser: a test fails where the page had an error or a failed request.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { expect, inject, test as base } from 'vitest';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export type Theme = 'dark' | 'light';

export interface Violation {
  id: string;
  help: string;
  nodes: { target: string[]; failureSummary?: string }[];
}

export class Dashboard {
  /** Errors, failed requests and requests to other machines, since the page was opened. */
  #complaints: string[] = [];

  constructor(
    readonly page: Page,
    /** Origin of the server; its run. */
    readonly address: string = inject('address'),
    readonly run: string = inject('run'),
  ) {
    page.on('console', (message) => {
      if (message.type() === 'error') {
        this.#complaints.push(`console: ${message.text()} (${message.location().url})`);
      }
    });
    page.on('pageerror', (error) => this.#complaints.push(`uncaught: ${error.stack ?? error.message}`));
    page.on('requestfailed', (request) => {
      // A newer request may abort an older request, and a page that goes away ends its event stream.
      const reason = request.failure()?.errorText ?? 'failed';
      if (reason !== 'net::ERR_ABORTED') this.#complaints.push(`${reason}: ${request.url()}`);
    });
    page.on('response', (response) => {
      if (response.status() >= 400) this.#complaints.push(`${response.status()}: ${response.url()}`);
    });
    page.on('request', (request) => {
      const url = new URL(request.url());
      const isLocal = url.origin === this.address || url.protocol === 'data:' || url.protocol === 'blob:';
      if (!isLocal) this.#complaints.push(`a request left the machine: ${request.url()}`);
    });
  }

  /** Opens an address of the dashboard, relative to its root, and waits until it has become idle. */
  async open(path = '/'): Promise<void> {
    await this.page.goto(this.address + path);
    await this.idle();
  }

  /** Opens a view of the run under test; `more` goes into the address, e.g. `{ checkpoint: '3' }`. */
  async view(view: string, more: Record<string, string> = {}): Promise<void> {
    await this.open(`/#${new URLSearchParams({ run: this.run, view, ...more }).toString()}`);
    await expect.poll(() => this.page.getByRole('navigation', { name: 'Views' }).count()).toBe(1);
    await this.idle();
  }

  get slider(): Locator {
    return this.page.getByRole('slider', { name: 'Checkpoint' });
  }

  async checkpoint(): Promise<number> {
    return Number(await this.slider.getAttribute('aria-valuenow'));
  }

  async last(): Promise<number> {
    return Number(await this.slider.getAttribute('aria-valuemax'));
  }

  /** What the address says. */
  urlValue(key: string): string | null {
    return new URLSearchParams(new URL(this.page.url()).hash.slice(1)).get(key);
  }

  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key);
    await this.idle();
  }

  /** Waits until the dashboard says that nothing is under way. */
  async idle(): Promise<void> {
    // As long as a test lasts: on a busy machine a page is late, one that never rests is found all the same.
    await this.page.waitForFunction(() => document.documentElement.dataset.idle === 'true', undefined, {
      timeout: 120_000,
    });
  }

  async expectAccessible(): Promise<void> {
    // Evaluated, not added as a tag: the page's content security policy stays in force.
    await this.page.evaluate(AXE);
    const violations = await this.page.evaluate(async () => {
      const axe = (window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }).axe;
      return (await axe.run()).violations;
    });
    const found = violations.map(({ id, help, nodes }) => ({
      id,
      help,
      where: nodes.slice(0, 3).map((node) => `${node.target.join(' ')}: ${node.failureSummary ?? ''}`),
    }));
    expect(found).toEqual([]);
  }

  /** Complaints that a test provokes: there must be one; `expectClean` does not see them. */
  expected(complaint: RegExp): void {
    expect(this.#complaints.filter((one) => complaint.test(one)).length).toBeGreaterThan(0);
    this.#complaints = this.#complaints.filter((one) => !complaint.test(one));
  }

  expectClean(): void {
    expect(this.#complaints).toEqual([]);
  }
}

let browser: Promise<Browser> | undefined;

/** One browser for all tests of a file; it ends with the process that started it. */
export function launched(): Promise<Browser> {
  browser ??= chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  return browser;
}

interface Options {
  theme: Theme;
  dashboard: Dashboard;
}

export const test = base.extend<Options>({
  theme: 'dark',
  dashboard: async ({ theme }, use) => {
    const context = await (
      await launched()
    ).newContext({
      viewport: { width: 1280, height: 800 },
      colorScheme: theme,
      reducedMotion: 'reduce',
    });
    const dashboard = new Dashboard(await context.newPage());
    await use(dashboard);
    await context.close();
    dashboard.expectClean();
  },
});
