/** What comes from the server by itself: the run as it grows, other runs, the images once they are read. */
import { listen, type RunEvents } from '../api/events';
import * as routes from '../api/routes';
import { restingPlace } from './checkpoints';
import { joinMetrics, since } from './metrics';
import type { Store } from './store.svelte';

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** Events come in flocks: so long after one reading the next may begin. */
const PAUSE_MS = 300;

export class Feed {
  readonly #store: Store;
  #hush: (() => void) | undefined;
  #refreshing: Promise<void> | null = null;
  #again = false;
  #imagesTimer: ReturnType<typeof setTimeout> | undefined;
  #imagesWait_ms = FIRST_WAIT_MS;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Listens to this run, and no longer to the one before. */
  listen(id: string): void {
    const store = this.#store;
    this.#hush?.();
    this.#hush = listen(id, {
      reachable: (yes) => {
        if (yes && !store.reachable) void this.refresh();
        store.reachable = yes;
      },
      event: (name) => this.#hear(name),
    });
  }

  #hear(name: keyof RunEvents): void {
    if (name === 'run') return void this.#readRuns();
    if (name === 'statistics' || name === 'reload') this.#store.statistics += 1;
    void this.refresh();
  }

  async #readRuns(): Promise<void> {
    try {
      this.#store.runs = (await routes.runs()).runs;
    } catch {
      // The list is read again when the next run appears.
    }
  }

  /** Reads the run again; several requests at once become one more. */
  refresh(): Promise<void> {
    if (this.#refreshing) {
      this.#again = true;
      return this.#refreshing;
    }
    this.#refreshing = this.#refresh().finally(() => {
      this.#refreshing = null;
      if (this.#again) {
        this.#again = false;
        setTimeout(() => void this.refresh(), PAUSE_MS);
      }
    });
    return this.#refreshing;
  }

  /** A server that has just started is still reading the images: look again until they are there. */
  awaitImages(): void {
    clearTimeout(this.#imagesTimer);
    const { run, imageDetail } = this.#store;
    if (!run || run.corpus.available) {
      this.#imagesWait_ms = FIRST_WAIT_MS;
      if (run && imageDetail === null) void this.readImage();
      return;
    }
    this.#imagesTimer = setTimeout(() => void this.refresh(), this.#imagesWait_ms);
    this.#imagesWait_ms = Math.min(LONGEST_WAIT_MS, this.#imagesWait_ms * 1.5);
  }

  /** Reads what the corpus knows of the selected image. */
  async readImage(): Promise<void> {
    const store = this.#store;
    const { run, image } = store;
    if (!run?.corpus.available || image === null || store.imageDetail?.id === image) return;
    try {
      const detail = await routes.image(run.corpus.id, image);
      if (store.image === image && store.run?.id === run.id) store.imageDetail = detail;
    } catch {
      store.imageDetail = null;
    }
  }

  async #refresh(): Promise<void> {
    const store = this.#store;
    const id = store.run?.id;
    if (!id) return;
    try {
      const [run, news] = await Promise.all([routes.runDetail(id), routes.metrics(id, since(store.metrics))]);
      if (store.run?.id !== id) return;
      const known = store.run.checkpoints;
      const sameHashes = run.checkpoints.every((c, i) => !known[i] || known[i].hash === c.hash);
      store.run = run;
      store.tiles.forget(run.corpus);
      this.awaitImages();
      if (!sameHashes) store.predictions.forget();
      store.metrics = store.metrics ? joinMetrics(store.metrics, news) : news;
      if (store.follow) store.moveTo(restingPlace(run.checkpoints, store.last));
      else if (store.checkpoint > store.last) store.moveTo(store.last);
    } catch {
      // The event source reports and retries; the picture of the run simply stays as it was.
    }
  }
}
