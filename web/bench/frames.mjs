// Measures and formats frame times of a page while its playhead moves.

/** `median / 95th percentile / worst` of times. */
export const three = (times) => {
  const sorted = [...times].sort((a, b) => a - b);
  const of = (value) => value.toFixed(1);
  return `${of(quantile(sorted, 0.5))} / ${of(quantile(sorted, 0.95))} / ${of(sorted.at(-1))} ms`;
};
export const quantile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
export const idle = (page) =>
  page.waitForFunction(() => document.documentElement.dataset.idle === 'true', null, { timeout: 60_000 });

/**
 * One key press per frame through the whole run. Returns the time of every frame, the sum of the layout shifts, and the
 * number of frames that showed an earlier checkpoint's picture (`late`).
 */
export async function scrub(page, count) {
  return page.evaluate(async (presses) => {
    const frames = [];
    const shifts = [];
    let late = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shifts.push(entry.value);
    }).observe({ type: 'layout-shift' });
    const next = () => new Promise((resolve) => requestAnimationFrame(resolve));
    let last = await next();
    for (let n = 0; n < presses; n += 1) {
      dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true, cancelable: true }));
      const now = await next();
      frames.push(now - last);
      last = now;
      if (document.querySelector('.handle.late')) late += 1;
    }
    return { frames, shift: shifts.reduce((sum, one) => sum + one, 0), late };
  }, count);
}
