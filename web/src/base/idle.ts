/**
 * The idle signal for browser tests: `<html data-idle="true">` when no request is pending and the frame that
 * shows the last answer has been drawn. Everything that fetches or decodes says `begin()` and `end()`.
 */
let pending = 0;
let generation = 0;

function settle(): void {
  if (typeof document === 'undefined') return;
  const root = document.documentElement;
  if (pending > 0) {
    root.dataset.idle = 'false';
    return;
  }
  const mine = generation;
  // Two frames: one in which effects run, one in which their drawing is on the screen.
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      if (pending === 0 && mine === generation) root.dataset.idle = 'true';
    }),
  );
}

export function begin(): void {
  pending += 1;
  generation += 1;
  settle();
}

export function end(): void {
  pending = Math.max(0, pending - 1);
  generation += 1;
  settle();
}

/** Something on the page is about to change without a request (a key, a tick of the clock). */
export function touch(): void {
  generation += 1;
  if (typeof document !== 'undefined') document.documentElement.dataset.idle = 'false';
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
