/**
 * The pictures of a layer of A and of one of B at their checkpoints: both swap in one frame, once both are decoded. Those of
 * the neighbouring checkpoints are read ahead then.
 */
import { untrack } from 'svelte';
import { isAbort } from '../../../api/client';
import { pictures, type Picture } from '../../../api/pictures';
import { sheetUrl, type SheetRequest } from '../../../api/pictureUrls';
import { AutoRetry } from '../../../state/connection.svelte';

export interface PairRequests {
  a: SheetRequest;
  b: SheetRequest;
  /** Pictures to prefetch, of both runs, the nearest first. */
  ahead: SheetRequest[];
}

export class PairPictures {
  shown = $state.raw<{ a: Picture; b: Picture } | null>(null);
  error = $state.raw<unknown>(null);
  #retryCount = $state(0);
  readonly #autoRetry = new AutoRetry(() => (this.#retryCount += 1));

  constructor(wanted: () => PairRequests | null) {
    $effect(() => {
      void this.#retryCount;
      const requests = wanted();
      return untrack(() => (requests ? this.#ask(requests) : undefined));
    });
    $effect(() => () => this.#autoRetry.done());
  }

  #ask(requests: PairRequests): (() => void) | undefined {
    const [a, b] = [sheetUrl(requests.a), sheetUrl(requests.b)];
    const readAhead = () => pictures.prefetch(requests.ahead.map(sheetUrl));
    const [readyA, readyB] = [pictures.peek(a), pictures.peek(b)];
    if (readyA && readyB) {
      this.shown = { a: readyA, b: readyB };
      readAhead();
      return undefined;
    }
    let current = true;
    Promise.all([pictures.load(a), pictures.load(b)]).then(
      ([pictureA, pictureB]) => {
        if (!current) return;
        this.shown = { a: pictureA, b: pictureB };
        this.error = null;
        this.#autoRetry.done();
        readAhead();
      },
      (error: unknown) => {
        if (!current || isAbort(error)) return;
        if (!this.#autoRetry.failed(error, this.shown !== null)) this.error = error;
      },
    );
    return () => {
      current = false;
    };
  }
}
