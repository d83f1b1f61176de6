/** The run that the address names. */
import { endpoint } from '../api/client';
import type { Run, RunProblem, RunSummary } from '../api/types';

export interface FoundRun {
  runs: RunSummary[];
  problems: RunProblem[];
  /** Null where there is none of that name, or none at all. */
  run: Run | null;
}

const detail = (run: string) => endpoint('/api/runs/{run}', { run }).json();

/** The list of runs, and the one of this name, or the first. */
export async function findRun(name: string | null): Promise<FoundRun> {
  // The named run is requested together with the list: most often it exists.
  const early = name === null ? null : detail(name).catch(() => null);
  const { runs, problems } = await endpoint('/api/runs', {}).json();
  const id = name === null ? runs[0]?.id : runs.find((run) => run.id === name)?.id;
  if (id === undefined) return { runs, problems, run: null };
  return { runs, problems, run: (await early) ?? (await detail(id)) };
}
