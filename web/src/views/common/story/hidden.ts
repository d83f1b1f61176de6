/** The ids of the found sentences that were left out of a run's story, in the browser's storage, per run. */
const KEY = 'deepviz.story.hidden.';

export function readHidden(run: string): ReadonlySet<string> {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(KEY + run) ?? '[]');
    return new Set(Array.isArray(stored) ? stored.filter((one) => typeof one === 'string') : []);
  } catch {
    // Without storage, or with an invalid value in it, nothing is left out.
    return new Set();
  }
}

export function writeHidden(run: string, hidden: ReadonlySet<string>): void {
  try {
    if (hidden.size) localStorage.setItem(KEY + run, JSON.stringify([...hidden]));
    else localStorage.removeItem(KEY + run);
  } catch {
    // Without storage they are left out until the page is reloaded.
  }
}
