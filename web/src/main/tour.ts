/** Whether the tour is shown by itself: once, on the run that `deepviz demo` makes, to those who came without an aim. */
import type { Run } from '../api/types';
import { urlStateFromHash } from '../state/urlState';

const KEY = 'deepviz.tour';

/** `deepviz demo` trains this recipe on this corpus, into a folder of the recipe's name. */
export const isDemo = (run: Pick<Run, 'name'> & { corpus: Pick<Run['corpus'], 'name'> }): boolean =>
  run.name === 'shapes-quick' && run.corpus.name === 'shapes';

/** The address names nothing to look at: only perhaps the run, or the theme. Whoever follows a link is not led away. */
export function isBare(hash: string): boolean {
  const { options, ...named } = { ...urlStateFromHash(hash), run: null };
  const kept = Object.keys(options).filter((name) => name !== 'theme');
  return kept.length === 0 && Object.values(named).every((value) => value === null);
}

export function tourDone(): boolean {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    // Where nothing can be remembered, it is not shown again and again.
    return true;
  }
}

export function rememberTour(): void {
  try {
    localStorage.setItem(KEY, 'done');
  } catch {
    // As above.
  }
}
