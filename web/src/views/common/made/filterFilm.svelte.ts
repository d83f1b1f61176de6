/**
 * What a filter would like to see, at every checkpoint: parts of the film are requested as the playhead comes to them,
 * the next one ahead of it. Until the picture of a checkpoint has arrived, that of the nearest one is shown, with its number.
 */
import { madePictures, type MadeAddress, type MadePictures } from '../../../api/madePictures';
import { endpoint } from '../../../api/client';
import { usableCheckpoints } from '../../../state/checkpoints';
import { resource, type Resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';
import { filmParts, nearestOf, partAt, partSize, type FilmPart } from './film';

/** Requests are sent only when the playhead or the pin rests. */
const REST_MS = 200;
const VISUALISATION = '/api/runs/{run}/layers/{layer}/filters/{filter}/visualisation' as const;

export interface FilmOf {
  layer: string;
  filter: number;
  /** The image whose features are amplified; null where it begins with noise. */
  image: number | null;
}

export interface FilmFrame {
  checkpoint: number;
  film: MadePictures;
  /** Its position in the film. */
  index: number;
  value: number | null;
}

export class FilterFilm {
  readonly #store: Store;
  readonly #of: () => FilmOf | null;
  readonly #now: Resource<MadePictures>;
  readonly #ahead: Resource<MadePictures>;

  readonly #usable = $derived.by(() => usableCheckpoints(this.#store.run?.checkpoints ?? []));
  /** An image is accentuated at each checkpoint for itself: on the way over others it would be lost. */
  readonly #size = $derived.by(() =>
    this.#of()?.image === null ? partSize(this.#store.run?.layers ?? []) : { size: 1, lead: 0 },
  );
  readonly #parts = $derived.by(() => filmParts(this.#usable, this.#size));
  readonly #at = $derived.by(() => partAt(this.#usable, this.#store.checkpoint, this.#size));
  readonly #subject = $derived.by(() => {
    const of = this.#of();
    return of ? `${this.#store.run?.id}/${of.layer}/${of.filter}/${of.image ?? 'noise'}` : '';
  });

  /** `of` is the filter, or null where no picture is wanted. */
  constructor(store: Store, of: () => FilmOf | null) {
    this.#store = store;
    this.#of = of;
    this.#now = this.#part(() => this.#at, REST_MS);
    this.#ahead = this.#part(() => {
      const { value } = this.#now;
      const part = this.#parts[this.#at];
      const isThere = value && part && madePictures.peek(this.#address(part)) === value;
      const next = this.#at + store.direction;
      return isThere && next >= 0 && next < this.#parts.length ? next : -1;
    }, 0);
  }

  #part(choose: () => number, ms: number): Resource<MadePictures> {
    return resource<MadePictures>(() => {
      const at = choose();
      const { run } = this.#store;
      if (!run?.corpus.available || !this.#of() || at < 0 || at >= this.#parts.length) return null;
      const address = this.#address(this.#parts[at]);
      return {
        key: `${address.version} ${address.url}`,
        subject: ms ? { name: address.url, ms } : undefined,
        load: (signal) => madePictures.load(address, signal),
      };
    });
  }

  #address(part: FilmPart): MadeAddress {
    const { run } = this.#store;
    const of = this.#of();
    const last = part.checkpoints[part.checkpoints.length - 1];
    const { url } = endpoint(VISUALISATION, {
      run: run?.id ?? '',
      layer: of?.layer ?? '',
      filter: of?.filter ?? 0,
      checkpoints: part.checkpoints.join(','),
      start: of?.image ?? null,
    });
    return { url, version: run?.checkpoints[last]?.hash ?? '' };
  }

  /** The picture of the checkpoint, or of the nearest one that has arrived; null before the first. */
  readonly shown = $derived.by<FilmFrame | null>(() => {
    void [this.#now.value, this.#ahead.value, this.#subject];
    if (!this.#of()) return null;
    const arrived: FilmFrame[] = [];
    for (const part of this.#parts) {
      const film = madePictures.peek(this.#address(part));
      film?.pictures.forEach(({ checkpoint, value }, index) => {
        if (index >= part.lead) arrived.push({ checkpoint, film, index, value });
      });
    }
    return nearestOf(arrived, this.#store.checkpoint);
  });

  get isExact(): boolean {
    return this.shown?.checkpoint === this.#store.checkpoint;
  }
  get slow(): boolean {
    return this.#now.slow;
  }
  get pending(): boolean {
    return this.#now.pending;
  }
  get error(): unknown {
    return this.#now.error;
  }
  retry(): void {
    this.#now.retry();
  }
}
