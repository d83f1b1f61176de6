/** Live updates from the server: the run as it grows, other runs, the images once they are read. */
import { endpoint } from '../api/client';
import type { RunEvents } from '../api/events';
import { waitUntilIdle } from '../base/idle';
import { readyStatisticsKey } from './checkpoints';
import { Coalesced } from './coalesced';
import { AutoRetry, connection } from './connection.svelte';
import { isOwnImage } from './imageId';
import { joinMetrics, since } from './metrics';
import type { ImageDetail, Metrics, Run, RunProblem, RunSummary } from '../api/types';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** Events come in bursts: the least time between the end of one refresh, drawn, and the start of the next. */
const PAUSE_MS = 300;
/** The longest wait for a page that does not become idle, for example one that plays. */
const LONGEST_REST_MS = 10_000;
/** The server's message while a corpus is being read (crates/server/src/runs/corpus_cache.rs). */
const READING = 'its images are being read';

/** The state that updates start from. */
export interface UpdateState {
  readonly run: Run | null;
  readonly failure: unknown;
  readonly metrics: Metrics | null;
  readonly image: number | null;
  readonly imageDetail: ImageDetail | null;
}

/** New values of the server's data; the store assigns them. */
export interface UpdatePatch {
  runs?: RunSummary[];
  unopened?: RunProblem[];
  metrics?: Metrics;
  imageDetail?: ImageDetail | null;
}

/** A run that was read again, and what that means for data derived from it. */
export interface RunUpdate {
  run: Run;
  metrics: Metrics;
  /** Statistics became ready. */
  hasNewStatistics: boolean;
  /** Snapshots were replaced: what was computed from them is no longer valid. */
  hasNewHashes: boolean;
}

export interface UpdateHandlers {
  onPatch: (patch: UpdatePatch) => void;
  onRun: (update: RunUpdate) => void;
  /** The server changed while no run could be opened. */
  onReopen: () => void;
}

export class LiveUpdates {
  readonly #state: UpdateState;
  readonly #handlers: UpdateHandlers;
  // A run that grows faster than it can be read and drawn is read whenever the page is idle.
  readonly #reading = new Coalesced(
    () => this.#refresh(),
    async () => {
      await waitUntilIdle(LONGEST_REST_MS);
      await new Promise((next) => setTimeout(next, PAUSE_MS));
    },
  );
  #imagesTimer: ReturnType<typeof setTimeout> | undefined;
  #imagesWait_ms = FIRST_WAIT_MS;
  /** Statistics became ready since the run was read. */
  #hasNewStatistics = false;
  /** The run whose images are not read yet. */
  #withoutImages: string | null = null;
  readonly #runRetry = new AutoRetry(() => void this.refresh());
  readonly #runsRetry = new AutoRetry(() => void this.#readRuns());
  readonly #imageRetry = new AutoRetry(() => void this.readImage());

  constructor(state: UpdateState, handlers: UpdateHandlers) {
    this.#state = state;
    this.#handlers = handlers;
  }

  /** Registers for events; `follow` names the run as soon as it is known. */
  subscribe(): void {
    connection.listen({
      onEvent: (name) => this.#onEvent(name),
      onVisible: () => void this.refresh(),
      onReconnect: () => this.#onReconnect(),
    });
  }

  /** Follows this run instead of the one before; null follows the list of runs. */
  follow(run: { id: string; live: boolean } | null): void {
    if (run) connection.follow(endpoint('/api/runs/{run}', { run: run.id }).url, run.live);
    else connection.follow(endpoint('/api/runs', {}).url, false);
  }

  /** The server is back, perhaps with other runs. */
  async #onReconnect(): Promise<void> {
    void this.#readRuns();
    await this.refresh();
  }

  #onEvent(name: keyof RunEvents): void {
    if (name === 'run') return void this.#readRuns();
    if (name === 'statistics' || name === 'reload') this.#hasNewStatistics = true;
    if (name === 'changed' && (this.#state.run === null || this.#state.failure))
      return this.#handlers.onReopen();
    void this.refresh();
  }

  async #readRuns(): Promise<void> {
    try {
      const { runs, problems } = await endpoint('/api/runs', {}).json();
      this.#handlers.onPatch({ runs, unopened: problems });
      this.#runsRetry.done();
    } catch (error) {
      this.#runsRetry.failed(error);
    }
  }

  /** Reads the run again; several requests at once become one more. */
  refresh(): Promise<void> {
    return this.#reading.run();
  }

  /** A server that has just started is still reading the images: refreshes until they are read. */
  awaitImages(): void {
    clearTimeout(this.#imagesTimer);
    const { run, imageDetail } = this.#state;
    connection.readsImages = run !== null && !run.corpus.available && run.corpus.problem === READING;
    if (!run || run.corpus.available) {
      // Requests that lacked the images may be repeated now.
      if (run && this.#withoutImages === run.id) connection.retryAll();
      this.#withoutImages = null;
      this.#imagesWait_ms = FIRST_WAIT_MS;
      if (run && imageDetail === null) void this.readImage();
      return;
    }
    this.#withoutImages = run.id;
    this.#imagesTimer = setTimeout(() => void this.refresh(), this.#imagesWait_ms);
    this.#imagesWait_ms = Math.min(LONGEST_WAIT_MS, this.#imagesWait_ms * 1.5);
  }

  /** Reads the curves of the run from their beginning. */
  async readMetrics(): Promise<void> {
    const id = this.#state.run?.id;
    if (!id) return;
    try {
      const metrics = await endpoint('/api/runs/{run}/metrics', { run: id }).json();
      if (this.#state.run?.id === id && this.#state.metrics === null) this.#handlers.onPatch({ metrics });
    } catch (error) {
      this.#runRetry.failed(error);
    }
  }

  /** Reads the selected image's entry in the corpus. */
  async readImage(): Promise<void> {
    const state = this.#state;
    const { run, image } = state;
    if (!run?.corpus.available || image === null || isOwnImage(image) || state.imageDetail?.id === image)
      return;
    try {
      const detail = await endpoint('/api/corpora/{corpus}/images/{image}', {
        corpus: run.corpus.id,
        image,
      }).json();
      if (state.image === image && state.run?.id === run.id) this.#handlers.onPatch({ imageDetail: detail });
      this.#imageRetry.done();
    } catch (error) {
      if (!this.#imageRetry.failed(error)) this.#handlers.onPatch({ imageDetail: null });
    }
  }

  async #refresh(): Promise<void> {
    const state = this.#state;
    const id = state.run?.id;
    // A hidden tab reads nothing; it refreshes when it is visible again.
    if (!id || document.visibilityState !== 'visible') return;
    try {
      const [run, news] = await Promise.all([
        endpoint('/api/runs/{run}', { run: id }).json(),
        endpoint('/api/runs/{run}/metrics', { run: id, since: since(state.metrics) }).json(),
      ]);
      const known = state.run;
      if (known?.id !== id) return;
      this.#runRetry.done();
      this.#handlers.onRun({
        run,
        metrics: state.metrics ? joinMetrics(state.metrics, news) : news,
        // Known by an event; or by comparison, where a run is polled or events were missed.
        hasNewStatistics: this.#hasNewStatistics || statisticsKey(run) !== statisticsKey(known),
        hasNewHashes: run.checkpoints.some((c, i) => (known.checkpoints[i]?.hash ?? c.hash) !== c.hash),
      });
      this.#hasNewStatistics = false;
      this.follow(run);
      this.awaitImages();
    } catch (error) {
      // The run stays as it was last read.
      this.#runRetry.failed(error);
    }
  }
}

const statisticsKey = (run: Run): string =>
  readyStatisticsKey(run.checkpoints) + JSON.stringify(run.cluster_sets);
