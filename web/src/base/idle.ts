/**
 * The idle signal for browser tests: `<html data-idle="true">` when no request is pending and the frame that
 * shows the last answer has been drawn. Code that fetches or decodes calls `begin()` and `end()`.
 */
let pending = 0;
let generation = 0;
let shownIdle: boolean | null = null;
let isSettling = false;

function setIdle(idle: boolean): void {
  if (idle === shownIdle || typeof document === 'undefined') return;
  shownIdle = idle;
  document.documentElement.dataset.idle = String(idle);
}

/** Checks again after two frames: one in which effects run, one in which they are on the screen. */
function settle(): void {
  if (pending > 0 || isSettling || typeof document === 'undefined') return;
  isSettling = true;
  const begun = generation;
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      isSettling = false;
      if (begun === generation) setIdle(true);
      else settle();
    }),
  );
}

export function begin(): void {
  pending += 1;
  generation += 1;
  setIdle(false);
}

export function end(): void {
  pending = Math.max(0, pending - 1);
  generation += 1;
  settle();
}

/** Call before the page changes without a request (a key, a tick of the clock): the page is not idle until it is drawn. */
export function touch(): void {
  generation += 1;
  setIdle(false);
  settle();
}

/** Counts a promise as pending until it settles. */
export async function trackPending<T>(work: Promise<T>): Promise<T> {
  begin();
  try {
    return await work;
  } finally {
    end();
  }
}

export function pendingCount(): number {
  return pending;
}

/** Resolves when the page is idle and drawn, or after the timeout. */
export async function waitUntilIdle(limit_ms: number): Promise<void> {
  const until = performance.now() + limit_ms;
  while (shownIdle !== true && performance.now() < until)
    await new Promise((next) => requestAnimationFrame(next));
}
