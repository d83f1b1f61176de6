/** The pictures of a layer of A and of one of B at their checkpoints: both swap in one frame, once both are decoded. */
import { untrack } from 'svelte';
import { isAbort } from '../../../api/client';
import { pictures, type Picture } from '../../../api/pictures';
import { sheetUrl, type SheetRequest } from '../../../api/pictureUrls';
import { AutoRetry } from '../../../state/connection.svelte';

export class PairPictures {
  shown = $state.raw<{ a: Picture; b: Picture } | null>(null);
  error = $state.raw<unknown>(null);
  #again = $state(0);
  readonly #autoRetry = new AutoRetry(() => (this.#again += 1));

  constructor(wanted: () => { a: SheetRequest; b: SheetRequest } | null) {
    $effect(() => {
      void this.#again;
      const requests = wanted();
      return untrack(() => (requests ? this.#ask(sheetUrl(requests.a), sheetUrl(requests.b)) : undefined));
    });
    $effect(() => () => this.#autoRetry.done());
  }

  #ask(a: string, b: string): (() => void) | undefined {
    const [readyA, readyB] = [pictures.peek(a), pictures.peek(b)];
    if (readyA && readyB) {
      this.shown = { a: readyA, b: readyB };
      return undefined;
    }
    let current = true;
    Promise.all([pictures.load(a), pictures.load(b)]).then(
      ([pictureA, pictureB]) => {
        if (!current) return;
        this.shown = { a: pictureA, b: pictureB };
        this.error = null;
        this.#autoRetry.done();
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
