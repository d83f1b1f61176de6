/**
 * Images that the user brings: a file that is dropped, pasted or chosen, a frame of the camera, or an image with parts
 * covered. Each is sent to the server, which keeps it in memory and gives it an id; from then on it is an image like
 * those of the corpus. This page keeps the files: a server that was started again, or the network of another run, gets
 * them anew.
 */
import { ApiError, endpoint, messageOf, sendImage } from '../api/client';
import type { Run } from '../api/types';
import { isOwnImage } from './imageId';

export interface OwnImage {
  file: Blob;
  /** Name of the file; empty where it has none. */
  name: string;
  /** The image whose parts are covered; null for a picture from outside. */
  coverOf: number | null;
  /** The class that it shows, where it is known: that of the image it covers. */
  trueClass: number | null;
}

/** The state that own images depend on. */
export interface OwnImageInputs {
  readonly run: Run | null;
  readonly image: number | null;
  choose(choice: { image: number }): void;
}

export class OwnImages {
  /** Why the last picture could not be taken; empty without a failure. */
  problem = $state('');
  /** A picture is being sent. */
  sending = $state(false);
  #known = $state.raw<ReadonlyMap<number, OwnImage>>(new Map());
  readonly #inputs: OwnImageInputs;

  constructor(inputs: OwnImageInputs) {
    this.#inputs = inputs;
  }

  of(id: number | null): OwnImage | null {
    return id === null ? null : (this.#known.get(id) ?? null);
  }

  /** How an image is called in the dashboard. */
  nameOf(id: number): string {
    if (!isOwnImage(id)) return `#${id}`;
    const cover = this.of(id)?.coverOf ?? null;
    if (cover === null) return 'own picture';
    return isOwnImage(cover) ? 'own picture, covered' : `#${cover}, covered`;
  }

  /** Sends a picture and selects it. False where that failed; `problem` says why. */
  async show(image: OwnImage): Promise<boolean> {
    const run = this.#inputs.run?.id;
    if (!run) return false;
    this.sending = true;
    this.problem = '';
    try {
      const { id } = await sendImage('/api/runs/{run}/images', { run }, image.file);
      this.#known = new Map(this.#known).set(id, image);
      if (this.#inputs.run?.id === run) this.#inputs.choose({ image: id });
      return true;
    } catch (error) {
      this.problem = messageOf(error);
      return false;
    } finally {
      this.sending = false;
    }
  }

  /** Makes sure that the server has the selected image: sends it again, or returns to an image of the corpus. */
  async ensure(): Promise<void> {
    const { run, image } = this.#inputs;
    if (!run || !isOwnImage(image)) return;
    try {
      await endpoint('/api/runs/{run}/images/{image}', { run: run.id, image }).json();
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404 || this.#inputs.image !== image) return;
      const known = this.of(image);
      if (known && (await this.show(known))) return;
      if (!known) this.problem = 'The server no longer has the picture of this link. Drop it here again.';
      if (run.corpus.images > 0)
        this.#inputs.choose({ image: Math.min(run.corpus.images - 1, run.corpus.train) });
    }
  }
}
