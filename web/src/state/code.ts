/**
 * Code that is read when it is first needed. All of it is read ahead when the page rests, so that a view that is opened
 * while the server is away has its code. A browser may remember that a module or its styles could not be read, so one that
 * failed is not asked for again: the page is read anew when the server is back, at the same place, which is its address.
 */
import { Unreachable } from '../api/client';
import { Comeback } from './connection.svelte';

/** Reads once, whatever comes of it. */
export function once<T>(load: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined;
  return () => (reading ??= load());
}

const RELOADED = 'deepviz.reloaded';
const AGAIN_MS = 30_000;

/** Reads the page anew, unless that was done a moment ago and did not help. */
function reload(): boolean {
  try {
    const last = Number(sessionStorage.getItem(RELOADED) ?? 0);
    if (Date.now() - last < AGAIN_MS) return false;
    sessionStorage.setItem(RELOADED, String(Date.now()));
  } catch {
    // Without a memory there is no telling: better what failed is shown.
    return false;
  }
  location.reload();
  return true;
}

/**
 * Code could not be read: the page is read anew when the server is there. `given_up` is called where that does not help, as
 * with files that the server does not have. The returned function ends the waiting.
 */
export function reloadWhenBack(error: unknown, given_up: () => void): () => void {
  const comeback = new Comeback(() => {
    if (!reload()) given_up();
  });
  comeback.failed(new Unreachable(error));
  return () => comeback.done();
}

const REST_MS = 2000;

/** Reads code ahead, one piece after the other, when the page has had its first rest; ends at the first that fails. */
export function readAhead(pieces: readonly (() => Promise<unknown>)[]): () => void {
  let stopped = false;
  const begin = () => {
    void (async () => {
      for (const load of pieces) {
        if (stopped) return;
        await load();
      }
    })().catch(() => undefined);
  };
  const timer = setTimeout(() => {
    if (typeof requestIdleCallback === 'function') requestIdleCallback(begin, { timeout: REST_MS });
    else begin();
  }, REST_MS);
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
