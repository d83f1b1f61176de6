/** The runs of the folder: the list, read again when it changes, and their curves, read in chunks. */
import { untrack } from 'svelte';
import { endpoint, isAbort } from '../../api/client';
import type { RunCurves, RunList, RunProblem, RunSummary } from '../../api/types';
import { AutoRetry } from '../../state/connection.svelte';
import { resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';
import type { RunRow } from './runTable';

/** The list is polled while a run trains: the page has no events of runs that are not open. */
const POLL_MS = 5000;
/** Runs per request. Curves come in small chunks, so that the first are drawn soon. */
const CHUNK = { curves: 20, facts: 100 };
/** Points per curve; of a run whose curve is not drawn only its results are used. */
const POINTS = { curves: 200, facts: 2 };

/** A key that changes when the curves of a run change. */
const stateOf = (run: RunSummary): string => `${run.id} ${run.last_step ?? 0} ${run.checkpoints}`;

export class Listing {
  readonly #list: ReturnType<typeof resource<RunList>>;
  #refreshCount = $state(0);

  constructor(store: Store) {
    // A run was added, removed or changed.
    $effect(() => {
      void [store.runs, store.statisticsVersion];
      untrack(() => (this.#refreshCount += 1));
    });
    $effect(() => {
      if (!this.runs.some((run) => run.state === 'running')) return;
      const timer = setInterval(() => {
        if (document.visibilityState === 'visible') this.#refreshCount += 1;
      }, POLL_MS);
      return () => clearInterval(timer);
    });
    this.#list = resource(
      () => ({ key: String(this.#refreshCount), load: (signal) => endpoint('/api/runs', {}).json(signal) }),
      {
        cacheSize: 1,
      },
    );
  }

  readonly runs = $derived.by<RunSummary[]>(() => this.#list.value?.runs ?? []);
  readonly problems = $derived.by<RunProblem[]>(() => this.#list.value?.problems ?? []);
  get isRead(): boolean {
    return this.#list.value !== null;
  }
  get slow(): boolean {
    return this.#list.slow;
  }
  get error(): unknown {
    return this.#list.error;
  }
  retry(): void {
    this.#list.retry();
  }
  get networks(): RunList['networks'] {
    return this.#list.value?.networks ?? [];
  }
}

/** Reads the curves of the runs that are drawn, and the results of all (`facts`). */
export class CurveReader {
  curves = $state.raw<ReadonlyMap<string, RunCurves>>(new Map());
  facts = $state.raw<ReadonlyMap<string, RunCurves>>(new Map());
  problems = $state.raw<RunProblem[]>([]);
  error = $state.raw<unknown>(null);
  readonly #read = { curves: new Map<string, string>(), facts: new Map<string, string>() };
  #abort = new AbortController();
  readonly #autoRetry = new AutoRetry(() => this.retry());
  #retries = $state(0);

  constructor(wantedRuns: () => { curved: RunSummary[]; all: RunSummary[] }) {
    $effect(() => {
      void this.#retries;
      const { curved, all } = wantedRuns();
      untrack(() => void this.#readAll(curved, all));
    });
    $effect(() => () => {
      this.#abort.abort();
      this.#autoRetry.done();
    });
  }

  retry(): void {
    this.error = null;
    this.#retries += 1;
  }

  /** The latest request replaces earlier ones: chunks that were not sent yet are dropped. */
  async #readAll(curved: RunSummary[], all: RunSummary[]): Promise<void> {
    this.#abort.abort();
    const abort = (this.#abort = new AbortController());
    try {
      await this.#chunks('curves', curved, abort.signal);
      await this.#chunks('facts', all, abort.signal);
      this.#autoRetry.done();
    } catch (error) {
      if (abort.signal.aborted || isAbort(error)) return;
      if (!this.#autoRetry.failed(error)) this.error = error;
    }
  }

  async #chunks(kind: 'curves' | 'facts', runs: RunSummary[], signal: AbortSignal): Promise<void> {
    const read = this.#read[kind];
    const unread = runs.filter((run) => run.checkpoints > 0 && read.get(run.id) !== stateOf(run));
    for (let at = 0; at < unread.length; at += CHUNK[kind]) {
      const chunk = unread.slice(at, at + CHUNK[kind]);
      const answer = await endpoint('/api/curves', {
        runs: chunk.map((run) => run.id).join(','),
        points: POINTS[kind],
      }).json(signal);
      if (signal.aborted) return;
      for (const run of chunk) read.set(run.id, stateOf(run));
      this.#accept(kind, answer.curves);
      const known = new Set(this.problems.map((problem) => problem.id));
      const more = answer.problems.filter((problem) => !known.has(problem.id));
      if (more.length) this.problems = [...this.problems, ...more];
    }
  }

  #accept(kind: 'curves' | 'facts', curves: RunCurves[]): void {
    const joined = (old: ReadonlyMap<string, RunCurves>) =>
      new Map([...old, ...curves.map((one): [string, RunCurves] => [one.run, one])]);
    if (kind === 'curves') this.curves = joined(this.curves);
    this.facts = joined(this.facts);
  }
}

/** The rows of the table before the curves are read. */
export const bareRows = (listing: Listing): RunRow[] =>
  listing.runs.map((run) => ({ run, network: listing.networks[run.network] ?? null, facts: null }));
