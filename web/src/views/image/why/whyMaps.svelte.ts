/** Requests of the page: logits over time, the maps of the film and of the current checkpoint, the check. */
import { classText } from '../../../api/className';
import { endpoint, sendImage } from '../../../api/client';
import type {
  Explanation,
  ExplanationFilm,
  ExplanationMap,
  MethodCheck,
  MethodChecks,
} from '../../../api/types';
import { usableCheckpoints } from '../../../state/checkpoints';
import { resource, type Resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';
import { switchedOff } from '../../../state/switchedOff.svelte';
import { scaleLimit } from '../../common/maps/veil';
import { methodNamed } from '../../common/maps/methods';
import { evenly, frames } from './film';

/** A map that takes long is requested only when the playhead rests. */
const REST_MS = 200;

const EXPLAIN = '/api/runs/{run}/images/{image}/explain' as const;

/** An answer, with the request that it is of. */
interface Answered {
  url: string;
  off: string | null;
  film: ExplanationFilm;
  /** The value at the end of the colour scale, for all maps of the answer. */
  limit: number;
}

const asNumber = (text: string, classes: number): number | null =>
  /^\d{1,6}$/.test(text) && Number(text) < classes ? Number(text) : null;

export class WhyMaps {
  readonly #store: Store;
  /** Logits at all checkpoints; LayerCAM's maps come with them. */
  readonly base: Resource<ExplanationFilm>;
  readonly #film: Resource<Answered>;
  /** The map of the current checkpoint where the film has none, with its neighbours where they are cheap. */
  readonly #near: Resource<Answered>;
  readonly checks: Resource<MethodChecks & { name: string }>;

  readonly method = $derived.by(() => methodNamed(this.#store.option('why.method', 'layercam')));
  /** The class that was chosen; null for the one that is predicted at the end. */
  readonly chosen = $derived.by(() => asNumber(this.#store.option('why.class', ''), this.#classes.length));
  /** The class that it is compared with; null for none. */
  readonly versus = $derived.by(() => asNumber(this.#store.option('why.against', ''), this.#classes.length));
  readonly usable = $derived.by(() => usableCheckpoints(this.#store.run?.checkpoints ?? []));
  readonly frames: number[];

  constructor(store: Store, max: () => number) {
    this.#store = store;
    this.frames = $derived(frames(this.usable, max()));
    this.base = resource<ExplanationFilm>(() => {
      const { run, image } = store;
      if (!run || image === null || !run.corpus.available || this.usable.length === 0) return null;
      return {
        key: `${run.id}/${image}/${this.usable.length}/${this.#hash}/${switchedOff.text}`,
        load: (signal) =>
          endpoint(EXPLAIN, {
            run: run.id,
            image,
            off: switchedOff.parameter,
            checkpoints: evenly(this.usable).join(','),
          }).json(signal),
      };
    });
    this.#film = this.#maps(
      () =>
        this.method.cost === 'film'
          ? [...new Set([...this.frames, ...evenly(this.usable)])].sort((a, b) => a - b)
          : this.frames,
      false,
    );
    this.#near = this.#maps(() => {
      const at = store.checkpoint;
      if (this.#inFilm(at) || !this.usable.includes(at)) return [];
      // Neighbours come with it where they cost little.
      const around = this.method.cost === 'cheap' ? [at - 2, at - 1, at, at + 1, at + 2] : [at];
      return around.filter((one) => this.usable.includes(one));
    }, true);
    this.checks = resource<MethodChecks & { name: string }>(() => {
      const { run } = store;
      const { name } = this.method;
      if (!run || !run.corpus.available || this.usable.length === 0) return null;
      return {
        key: `${run.id}/${name}/${this.#hash}`,
        load: async (signal) => ({
          ...(await endpoint('/api/runs/{run}/explain/checks', { run: run.id, methods: name }).json(signal)),
          name,
        }),
      };
    });
  }

  /** `atRest`: a map that takes long is requested only when the playhead rests. */
  #maps(checkpoints: () => number[], atRest: boolean): Resource<Answered> {
    return resource<Answered>(() => {
      const { run, image } = this.#store;
      const wanted = checkpoints();
      if (!run || image === null || !run.corpus.available || wanted.length === 0) return null;
      // The class that is predicted at the end is known first, so that all maps are of one.
      const { method, versus, target } = this;
      if (target === null && this.base.error === null) return null;
      const key = wanted.join(',');
      return {
        key: `${this.#subject}/${key}/${this.#hash}`,
        subject: atRest && method.cost === 'dear' ? { name: `${image}/${key}`, ms: REST_MS } : undefined,
        load: async (signal) => {
          const { parameter: off } = switchedOff;
          const asked = endpoint(EXPLAIN, {
            run: run.id,
            image,
            method: method.name,
            class: target === null ? null : classText(this.#classes, target),
            versus: versus === null ? null : classText(this.#classes, versus),
            off,
            checkpoints: key,
          });
          const film = await asked.json(signal);
          return { url: asked.url, off, film, limit: scaleLimit(film.maps.map((map) => map.values)) };
        },
      };
    });
  }

  get #hash(): string {
    return this.#store.run?.checkpoints[this.usable.at(-1) ?? 0]?.hash ?? '';
  }
  get #classes(): string[] {
    return this.#store.run?.classes ?? [];
  }
  /** What every map of the page is about. */
  get #subject(): string {
    const { run, image } = this.#store;
    const target = this.chosen ?? this.target;
    return [run?.id, image, this.method.name, target, this.versus, switchedOff.text].join('/');
  }

  /** The class that is explained; null while the one that is predicted is not known. */
  get target(): number | null {
    if (this.chosen !== null) return this.chosen;
    const { value } = this.base;
    return value?.image === this.#store.image ? (value?.maps.at(-1)?.predicted ?? null) : null;
  }

  /** The map of a picture that is sent, at the checkpoint on the screen; null of what cannot be drawn so. */
  async explain(image: Blob): Promise<Explanation | null> {
    const { run, checkpoint } = this.#store;
    const { target, versus, method } = this;
    if (!run || method.reconstruction) return null;
    const path = '/api/runs/{run}/checkpoints/{checkpoint}/explain' as const;
    const of = (one: number | null) => (one === null ? null : classText(this.#classes, one));
    return sendImage(
      path,
      {
        run: run.id,
        checkpoint,
        method: method.name,
        class: of(target),
        versus: of(versus),
        off: switchedOff.parameter,
      },
      image,
    );
  }

  /** While parts are covered all maps stay of the class that is explained now; the returned function undoes that. */
  holdClass(): () => void {
    const { target } = this;
    if (this.chosen !== null || target === null) return () => undefined;
    this.#store.setOption('why.class', String(target), '');
    return () => this.chosen === target && this.#store.setOption('why.class', '', '');
  }

  #fits(asked: Answered | null): asked is Answered {
    const first = asked?.film.maps[0];
    const isOf =
      asked?.film.image === this.#store.image &&
      asked.off === switchedOff.parameter &&
      asked.film.method === this.method.name;
    return isOf && (!first || (first.class === this.target && first.versus === this.versus));
  }
  #inFilm(checkpoint: number): boolean {
    const { value } = this.#film;
    return this.#fits(value) && value.film.maps.some((map) => map.checkpoint === checkpoint);
  }

  /** The film of the current request; null until it is read. */
  get film(): ExplanationFilm | null {
    const { value } = this.#film;
    return this.#fits(value) ? value.film : null;
  }
  get url(): string {
    return this.#film.value?.url ?? '';
  }
  /** One end of the scale for all frames. */
  get limit(): number {
    return this.#film.value?.limit ?? 1;
  }
  get error(): unknown {
    return this.#film.error;
  }
  get slow(): boolean {
    return this.#film.slow || this.#film.pending;
  }
  retry(): void {
    this.#film.retry();
  }

  /** The map of a checkpoint, if it has been read. */
  at(checkpoint: number): ExplanationMap | null {
    const near = this.#near.value;
    const all = [...(this.film?.maps ?? []), ...(this.#fits(near) ? near.film.maps : [])];
    return all.find((map) => map.checkpoint === checkpoint) ?? null;
  }

  /** Logits by checkpoint, over time. */
  get series(): ExplanationMap[] {
    const { value } = this.base;
    return value?.image === this.#store.image ? (value?.maps ?? []) : (this.film?.maps ?? []);
  }

  /** The check of the method that is chosen. */
  get check(): MethodCheck | null {
    const { value } = this.checks;
    return value?.name === this.method.name
      ? (value.methods.find((one) => one.method === this.method.name) ?? null)
      : null;
  }
}
