/** Conditions for showing the tour automatically: once, on the run of `deepviz demo`, without a link to a state. */
import type { Run } from '../api/types';
import { urlStateFromHash } from '../state/urlState';

const KEY = 'deepviz.tour';

/** `deepviz demo` trains this recipe on this corpus, into a folder of the recipe's name. */
export const isDemo = (run: Pick<Run, 'name'> & { corpus: Pick<Run['corpus'], 'name'> }): boolean =>
  run.name === 'shapes-quick' && run.corpus.name === 'shapes';

/** The address names nothing to look at: only perhaps the run, or the theme. A followed link shows no tour. */
export function isBare(hash: string): boolean {
  const { options, ...named } = { ...urlStateFromHash(hash), run: null };
  const otherOptions = Object.keys(options).filter((name) => name !== 'theme');
  return otherOptions.length === 0 && Object.values(named).every((value) => value === null);
}

export function tourDone(): boolean {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    // Without storage the tour would be shown at every visit.
    return true;
  }
}

export function rememberTour(): void {
  try {
    localStorage.setItem(KEY, 'done');
  } catch {
    // Without storage `tourDone` is always true.
  }
}
