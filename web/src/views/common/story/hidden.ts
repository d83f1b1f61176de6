/** Found sentences that were left out of a run's story, by their rules; kept in the browser, per run. */
const KEY = 'deepviz.story.hidden.';

export function readHidden(run: string): ReadonlySet<string> {
  try {
    const known: unknown = JSON.parse(localStorage.getItem(KEY + run) ?? '[]');
    return new Set(Array.isArray(known) ? known.filter((one) => typeof one === 'string') : []);
  } catch {
    // Without storage, or with something else in it, all are there.
    return new Set();
  }
}

export function writeHidden(run: string, hidden: ReadonlySet<string>): void {
  try {
    if (hidden.size) localStorage.setItem(KEY + run, JSON.stringify([...hidden]));
    else localStorage.removeItem(KEY + run);
  } catch {
    // They are left out until the page is loaded again.
  }
}
