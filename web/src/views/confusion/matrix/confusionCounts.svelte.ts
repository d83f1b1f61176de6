// Requests of the confusion view, and the counts at the playhead.
import { classText } from '../../../api/className';
import { endpoint } from '../../../api/client';
import type { CellPage, Run, Split } from '../../../api/types';
import { reference } from '../../../state/reference.svelte';
import { resource, type Resource } from '../../../state/resource.svelte';
import { beginsUntrained } from '../../../state/checkpoints';
import type { Store } from '../../../state/store.svelte';
import { seriesIndex, type Cell, type Counts, type Series } from './data';

/** Limit of counts in total: above it each checkpoint is requested on its own, without histories. */
const MAX_COUNTS = 6_000_000;

/** True where the counts of all checkpoints are read in one request. */
export const isWhole = (run: Run | null): boolean => {
  const { classes = [], planned_checkpoints = 0 } = run ?? {};
  return classes.length ** 2 * Math.max(50, planned_checkpoints) <= MAX_COUNTS;
};

/** The counts of every checkpoint, in the order of the run's classes. */
export async function readSeries({ id, classes }: Run, split: Split, signal: AbortSignal): Promise<Series> {
  const answer = await endpoint('/api/runs/{run}/confusion', { run: id, split }).json(signal);
  const { images, checkpoints, counts } = answer;
  return { classes: classes.length, images, checkpoints, counts };
}

export interface CountsAt {
  /** The checkpoint whose counts these are: the requested one, or the newest one before it that has statistics. */
  checkpoint: number;
  counts: Counts;
}

export class ConfusionCounts {
  readonly history: Resource<Series>;
  readonly #now: Resource<CountsAt>;
  readonly #before: Resource<CountsAt>;
  #store: Store;

  constructor(store: Store, split: () => Split) {
    this.#store = store;
    const run = () => store.run;
    this.history = resource<Series>(() => {
      const of = run();
      if (!of || !this.whole) return null;
      const wanted = split();
      return {
        key: `${of.id}/${wanted}/${store.statisticsVersion}`,
        load: (signal) => readSeries(of, wanted, signal),
      };
    });
    const one = (at: () => number, view?: string) =>
      resource<CountsAt>(
        () => {
          const id = run()?.id;
          const checkpoint = at();
          const point = run()?.checkpoints[checkpoint];
          const wanted = split();
          // No request for a checkpoint without counts.
          if (!id || this.whole || point?.statistics[wanted] !== 'ready') return null;
          return {
            key: `${id}/${wanted}/${point.hash}/${store.statisticsVersion}`,
            tag: checkpoint,
            load: async (signal) => ({
              checkpoint,
              counts: (await countsEndpoint(id, checkpoint, wanted).json(signal)).counts.flat(),
            }),
          };
        },
        { cacheSize: 6, view, store },
      );
    this.#now = one(() => store.checkpoint, 'confusion');
    this.#before = one(() => reference.own);
  }

  /** True where all checkpoints fit into one answer: there are few enough classes. */
  get whole(): boolean {
    return isWhole(this.#store.run);
  }

  get beginsUntrained(): boolean {
    return beginsUntrained(this.#store.run);
  }

  get series(): Series | null {
    if (this.whole) return this.history.value;
    const moments = [this.#before.value, this.#now.value].filter((m): m is CountsAt => m !== null);
    if (!moments.length) return null;
    const images = Array.from(moments[0].counts).reduce((a, b) => a + b, 0);
    const classes = this.#store.run?.classes.length ?? 0;
    return {
      classes,
      images,
      checkpoints: moments.map((m) => m.checkpoint),
      counts: moments.map((m) => m.counts),
    };
  }

  /** The counts to show at a checkpoint. */
  at(checkpoint: number): CountsAt | null {
    if (!this.whole) return checkpoint === reference.own ? this.#before.value : this.#now.value;
    const series = this.history.value;
    if (!series) return null;
    for (let c = checkpoint; c >= 0; c--) {
      const index = seriesIndex(series, c);
      if (index >= 0) return { checkpoint: c, counts: series.counts[index] };
    }
    return null;
  }

  get error(): unknown {
    return this.history.error ?? this.#now.error;
  }
  get slow(): boolean {
    return this.history.slow || this.#now.slow;
  }
  get pending(): boolean {
    return this.history.pending || this.#now.pending;
  }
  retry(): void {
    if (this.whole) this.history.retry();
    else this.#now.retry();
  }
}

/** A page of a cell's images: where it begins and how many it may hold. */
export interface Page {
  first: number;
  size: number;
}

export interface CellRequest {
  cell: Cell;
  split: Split;
  page: Page;
  checkpoint: number;
  /** Number of images in the cell; part of the key, so that a change repeats the request. */
  total: number;
}

export interface CellImages extends CellPage {
  cell: Cell;
  page: Page;
  checkpoint: number;
}

/** The counts of one checkpoint. */
export const countsEndpoint = (run: string, checkpoint: number, split: Split) =>
  endpoint('/api/runs/{run}/checkpoints/{checkpoint}/confusion', { run, checkpoint, split });

/** One page of a cell's images. */
export function cellEndpoint(
  classes: readonly string[],
  request: Omit<CellRequest, 'total'> & { run: string },
) {
  const { run, checkpoint, cell, split, page } = request;
  return endpoint('/api/runs/{run}/checkpoints/{checkpoint}/confusion/{true_class}/{predicted}/images', {
    run,
    checkpoint,
    true_class: classText(classes, cell.truth),
    predicted: classText(classes, cell.predicted),
    split,
    limit: page.size,
    cursor: page.first ? String(page.first) : null,
  });
}

/** The images of the selected cell, one page; the answer is shown when every image in it is decoded. */
export function cellImages(store: Store, request: () => CellRequest | null | false): Resource<CellImages> {
  // As text, so that a refresh of the run does not repeat the request.
  const asked = $derived.by(() => {
    const wanted = request();
    const hash = wanted && store.run?.checkpoints[wanted.checkpoint]?.hash;
    return hash ? JSON.stringify({ ...wanted, hash, run: store.run?.id }) : null;
  });
  return resource<CellImages>(
    () => {
      if (asked === null) return null;
      const { cell, split, page, checkpoint, total, run } = JSON.parse(asked) as CellRequest & { run: string };
      return {
        key: asked,
        tag: checkpoint,
        load: async (signal) => {
          if (!total) return { cell, page, checkpoint, total: 0, items: [], next_cursor: null };
          const answer = await cellEndpoint(store.run?.classes ?? [], {
            run,
            checkpoint,
            cell,
            split,
            page,
          }).json(signal);
          await decoded(
            store,
            answer.items.map((item) => item.id),
          );
          return { ...answer, cell, page, checkpoint };
        },
      };
    },
    { cacheSize: 200, view: 'cell', store },
  );
}

/** Resolves when every image can be drawn without waiting. */
export function decoded(store: Store, ids: readonly number[]): Promise<void> {
  if (store.tiles.load(ids)) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = $effect.root(() => {
      $effect(() => {
        void store.tiles.version;
        if (!store.tiles.load(ids)) return;
        resolve();
        queueMicrotask(() => stop());
      });
    });
  });
}
