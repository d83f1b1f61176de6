// One row of pictures: all of them swap together, in one frame, once every one is decoded.
import { untrack } from 'svelte';
import { isAbort } from '../../api/client';
import { pictures, type Picture } from '../../api/pictures';
import { sheetUrl } from '../../api/pictureUrls';
import type { Palette, Run } from '../../api/types';
import { neighbours } from '../../state/checkpoints';
import { AutoRetry } from '../../state/connection.svelte';
import type { Store } from '../../state/store.svelte';
import type { ScaleOver } from './data';
import type { Column } from './layout';

export interface RowRequest {
  checkpoint: number;
  columns: Column[];
  scale: ScaleOver;
  image: number | null;
  light: boolean;
}

export interface ShownRow {
  checkpoint: number;
  columns: Column[];
  /** For each column its kernels and its activations. */
  kernels: (Picture | null)[];
  maps: (Picture | null)[];
}

function sheetUrls(run: Run, request: RowRequest, checkpoint: number): (string | null)[][] {
  const signed: Palette = request.light ? 'diverging-light' : 'diverging';
  return request.columns.map((column) => {
    const base = {
      run: run.id,
      checkpoint,
      hash: run.checkpoints[checkpoint]?.hash ?? '',
      layer: column.layer,
      filters: column.filters.join(','),
      normalise: request.scale,
    };
    if (!column.filters.length) return [null, null];
    const channels = column.channels ? [...new Set(column.channels)].join(',') : column.rgb ? undefined : '0';
    return [
      column.kernel ? sheetUrl({ ...base, channels, palette: column.rgb ? 'rgb' : signed }) : null,
      column.map && request.image !== null
        ? sheetUrl({ ...base, apply: request.image, palette: 'grey' })
        : null,
    ];
  });
}

const AHEAD = 4;

export class RowPictures {
  shown = $state.raw<ShownRow | null>(null);
  error = $state.raw<unknown>(null);
  slow = $state(false);
  #retryCount = $state(0);
  readonly #autoRetry = new AutoRetry(() => (this.#retryCount += 1));

  /** `view` names the row that follows the playhead: the timeline waits for it, and its neighbours are prefetched. */
  constructor(store: Store, request: () => RowRequest | null, view?: string) {
    $effect(() => {
      void this.#retryCount;
      const wanted = request();
      const run = store.run;
      if (!wanted || !run || run.checkpoints[wanted.checkpoint]?.problem) return;
      return untrack(() => this.#follow(store, run, wanted, view));
    });
    $effect(() => () => {
      this.#autoRetry.done();
      if (view) store.staleViews.mark(view, null);
    });
  }

  #follow(store: Store, run: Run, wanted: RowRequest, view?: string): () => void {
    const urls = sheetUrls(run, wanted, wanted.checkpoint);
    const show = (all: (Picture | null)[][]) => {
      const { checkpoint, columns } = wanted;
      this.shown = {
        checkpoint,
        columns,
        kernels: all.map((pair) => pair[0]),
        maps: all.map((pair) => pair[1]),
      };
      this.error = null;
      this.slow = false;
      this.#autoRetry.done();
      if (!view) return;
      store.staleViews.mark(view, null);
      const next = neighbours(run.checkpoints, checkpoint, store.direction, AHEAD, 1);
      pictures.prefetch(
        next.flatMap((c) => sheetUrls(run, wanted, c).flat()).filter((url) => url !== null),
        'compare',
      );
    };
    const peeked = urls.map((pair) => pair.map((url) => (url === null ? null : pictures.peek(url))));
    if (peeked.every((pair) => pair.every((picture) => picture !== undefined))) {
      show(peeked as (Picture | null)[][]);
      return () => undefined;
    }
    let current = true;
    if (view && this.shown && this.shown.checkpoint !== wanted.checkpoint)
      store.staleViews.mark(view, this.shown.checkpoint);
    const timer = setTimeout(() => (this.slow = true), 200);
    Promise.all(
      urls.map((pair) => Promise.all(pair.map((url) => (url === null ? null : pictures.load(url))))),
    ).then(
      (all) => current && show(all),
      (error: unknown) => {
        if (!current || isAbort(error)) return;
        if (this.#autoRetry.failed(error, this.shown !== null)) {
          this.slow = true;
          return;
        }
        this.error = error;
        this.slow = false;
        if (view) store.staleViews.mark(view, null);
      },
    );
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }
}
