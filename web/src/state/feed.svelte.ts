/** What comes from the server by itself: the run as it grows, other runs, the images once they are read. */
import { address, path } from '../api/client';
import type { RunEvents } from '../api/events';
import * as routes from '../api/routes';
import { rested } from '../base/idle';
import { readyStatistics, restingPlace } from './checkpoints';
import { Coalesced } from './coalesced';
import { Comeback, connection } from './connection.svelte';
import { joinMetrics, since } from './metrics';
import type { Store } from './store.svelte';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** Events come in flocks: so long after the page has drawn one reading the next may begin. */
const PAUSE_MS = 300;
/** A page that does not come to rest, one that plays say, is not waited for any longer. */
const LONGEST_REST_MS = 10_000;
/** How the server says that a corpus is on its way (crates/server/src/runs/corpus_cache.rs). */
const READING = 'its images are being read';

export class Feed {
  readonly #store: Store;
  // A run that grows faster than it can be read and drawn is read as often as the page comes to rest.
  readonly #reading = new Coalesced(
    () => this.#refresh(),
    async () => {
      await rested(LONGEST_REST_MS);
      await new Promise((next) => setTimeout(next, PAUSE_MS));
    },
  );
  #imagesTimer: ReturnType<typeof setTimeout> | undefined;
  #imagesWait_ms = FIRST_WAIT_MS;
  /** Statistics became ready since the run was read. */
  #isCounted = false;
  /** The run whose images are waited for. */
  #lacksImages: string | null = null;
  readonly #runComeback = new Comeback(() => void this.refresh());
  readonly #runsComeback = new Comeback(() => void this.#readRuns());
  readonly #imageComeback = new Comeback(() => void this.readImage());

  constructor(store: Store) {
    this.#store = store;
  }

  /** Begins to hear of the server; the run that is followed is named as soon as it is known. */
  begin(): void {
    connection.listen({
      event: (name) => this.#hear(name),
      shown: () => void this.refresh(),
      back: () => this.#back(),
    });
  }

  /** Follows this run, and no longer the one before; before there is any, the list of runs. */
  follow(run: { id: string; live: boolean } | null): void {
    if (run) connection.follow(address(path('runs', run.id)), run.live);
    else connection.follow(address('runs'), false);
  }

  /** The server is back, perhaps with other runs. */
  async #back(): Promise<void> {
    void this.#readRuns();
    await this.refresh();
  }

  #hear(name: keyof RunEvents): void {
    if (name === 'run') return void this.#readRuns();
    if (name === 'statistics' || name === 'reload') this.#isCounted = true;
    if (name === 'changed' && (this.#store.run === null || this.#store.failure)) return this.#store.retry();
    void this.refresh();
  }

  async #readRuns(): Promise<void> {
    try {
      const { runs, problems } = await routes.runs();
      this.#store.runs = runs;
      this.#store.unopened = problems;
      this.#runsComeback.done();
    } catch (error) {
      this.#runsComeback.failed(error);
    }
  }

  /** Reads the run again; several requests at once become one more. */
  refresh(): Promise<void> {
    return this.#reading.run();
  }

  /** A server that has just started is still reading the images: look again until they are there. */
  awaitImages(): void {
    clearTimeout(this.#imagesTimer);
    const { run, imageDetail } = this.#store;
    connection.readsImages = run !== null && !run.corpus.available && run.corpus.problem === READING;
    if (!run || run.corpus.available) {
      // What lacked the images may be asked for now.
      if (run && this.#lacksImages === run.id) connection.again();
      this.#lacksImages = null;
      this.#imagesWait_ms = FIRST_WAIT_MS;
      if (run && imageDetail === null) void this.readImage();
      return;
    }
    this.#lacksImages = run.id;
    this.#imagesTimer = setTimeout(() => void this.refresh(), this.#imagesWait_ms);
    this.#imagesWait_ms = Math.min(LONGEST_WAIT_MS, this.#imagesWait_ms * 1.5);
  }

  /** Reads the curves of the run from their beginning. */
  async readMetrics(): Promise<void> {
    const id = this.#store.run?.id;
    if (!id) return;
    try {
      const metrics = await routes.metrics(id);
      if (this.#store.run?.id === id) this.#store.metrics ??= metrics;
    } catch (error) {
      this.#runComeback.failed(error);
    }
  }

  /** Reads what the corpus knows of the selected image. */
  async readImage(): Promise<void> {
    const store = this.#store;
    const { run, image } = store;
    if (!run?.corpus.available || image === null || store.imageDetail?.id === image) return;
    try {
      const detail = await routes.image(run.corpus.id, image);
      if (store.image === image && store.run?.id === run.id) store.imageDetail = detail;
      this.#imageComeback.done();
    } catch (error) {
      if (!this.#imageComeback.failed(error)) store.imageDetail = null;
    }
  }

  async #refresh(): Promise<void> {
    const store = this.#store;
    const id = store.run?.id;
    // A tab that nobody sees reads nothing; it is read when it is seen again.
    if (!id || document.visibilityState !== 'visible') return;
    try {
      const [run, news] = await Promise.all([routes.runDetail(id), routes.metrics(id, since(store.metrics))]);
      if (store.run?.id !== id) return;
      const known = store.run.checkpoints;
      const sameHashes = run.checkpoints.every((c, i) => !known[i] || known[i].hash === c.hash);
      this.#runComeback.done();
      // Told by an event; or seen, where a run is asked from time to time, or was not heard of for a while.
      const seen = [run, store.run].map(
        (one) => readyStatistics(one.checkpoints) + JSON.stringify(one.cluster_sets),
      );
      if (this.#isCounted || seen[0] !== seen[1]) store.statistics += 1;
      this.#isCounted = false;
      store.run = run;
      store.tiles.forget(run.corpus);
      this.follow(run);
      this.awaitImages();
      if (!sameHashes) store.predictions.forget();
      store.metrics = store.metrics ? joinMetrics(store.metrics, news) : news;
      if (store.follow) store.moveTo(restingPlace(run.checkpoints, store.last));
      else if (store.checkpoint > store.last) store.moveTo(store.last);
    } catch (error) {
      // The picture of the run stays as it was.
      this.#runComeback.failed(error);
    }
  }
}
