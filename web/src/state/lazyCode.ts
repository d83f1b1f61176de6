/**
 * Code that is loaded on first use. All of it is preloaded when the page is idle, so that a view that is opened while the
 * server is away has its code. A browser may cache the failure to load a module or its styles, so a failed import is not
 * repeated: the page is reloaded when the server is back; its address restores the state.
 */
import { Unreachable } from '../api/client';
import { AutoRetry } from './connection.svelte';

/** Memoises a load, also one that failed. */
export function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined;
  return () => (loading ??= load());
}

const RELOADED = 'deepviz.reloaded';
const MIN_RELOAD_INTERVAL_MS = 30_000;

/** Reloads the page, unless that was done a moment ago without success. */
function reload(): boolean {
  try {
    const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
    if (Date.now() - last < MIN_RELOAD_INTERVAL_MS) return false;
    sessionStorage.setItem(RELOADED, String(Date.now()));
  } catch {
    // Without storage a loop of reloads cannot be detected: show the failure instead.
    return false;
  }
  location.reload();
  return true;
}

/**
 * Reloads the page when the server is back, after code could not be loaded. `onGiveUp` is called where that does not help,
 * for example with files that the server does not have. The returned function cancels.
 */
export function reloadWhenBack(error: unknown, onGiveUp: () => void): () => void {
  const autoRetry = new AutoRetry(() => {
    if (!reload()) onGiveUp();
  });
  autoRetry.failed(new Unreachable(error));
  return () => autoRetry.done();
}

const PRELOAD_DELAY_MS = 2000;

/** Preloads code, one module after the other, when the page is idle for the first time; stops at the first failure. */
export function preload(modules: readonly (() => Promise<unknown>)[]): () => void {
  let stopped = false;
  const begin = () => {
    void (async () => {
      for (const load of modules) {
        if (stopped) return;
        await load();
      }
    })().catch(() => undefined);
  };
  const timer = setTimeout(() => {
    if (typeof requestIdleCallback === 'function') requestIdleCallback(begin, { timeout: PRELOAD_DELAY_MS });
    else begin();
  }, PRELOAD_DELAY_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
