/**
 * The idle signal for browser tests: `<html data-idle="true">` when no request is pending and the frame that
 * shows the last answer has been drawn. Everything that fetches or decodes says `begin()` and `end()`.
 */
let pending = 0;
let generation = 0;
let said: boolean | null = null;
let looking = false;

function say(idle: boolean): void {
  if (idle === said || typeof document === 'undefined') return;
  said = idle;
  document.documentElement.dataset.idle = String(idle);
}

/** Checks again after two frames: one in which effects run, one in which they are on the screen. */
function settle(): void {
  if (pending > 0 || looking || typeof document === 'undefined') return;
  looking = true;
  const mine = generation;
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      looking = false;
      if (mine === generation) say(true);
      else settle();
    }),
  );
}

export function begin(): void {
  pending += 1;
  generation += 1;
  say(false);
}

export function end(): void {
  pending = Math.max(0, pending - 1);
  generation += 1;
  settle();
}

/** Something on the page is about to change without a request (a key, a tick of the clock). */
export function touch(): void {
  generation += 1;
  say(false);
  settle();
}

/** Counts a promise as pending until it settles. */
export async function during<T>(work: Promise<T>): Promise<T> {
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
export async function rested(limit_ms: number): Promise<void> {
  const until = performance.now() + limit_ms;
  while (said !== true && performance.now() < until) await new Promise((next) => requestAnimationFrame(next));
}
