/** Whether the tour is shown by itself: once, on the run that `deepviz demo` makes. */
import type { Run } from '../api/types';

const KEY = 'deepviz.tour';

/** `deepviz demo` trains this recipe on this corpus, into a folder of the recipe's name. */
export const isDemo = (run: Pick<Run, 'name'> & { corpus: Pick<Run['corpus'], 'name'> }): boolean =>
  run.name === 'shapes-quick' && run.corpus.name === 'shapes';

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
