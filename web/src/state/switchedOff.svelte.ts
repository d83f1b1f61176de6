/**
 * Units that are switched off, in every view: which (`off=fc64:39` in the address), what that does to the confusion, and
 * to the prediction for the selected image. The shell attaches it to the store; views read the one instance.
 */
import { endpoint } from '../api/client';
import type { AblatedConfusion, Split } from '../api/types';
import { formatOff, isUnitOff, parseOff, switchOf, toggleOff, type OffUnit } from './offUnits';
import { resource, type Resource } from './resource.svelte';
import type { Store } from './store.svelte';

/** Requests are sent only when the playhead rests. */
const REST_MS = 120;

/** The prediction for an image without the units that are off. */
interface AblatedPrediction {
  off: string;
  image: number;
  probabilities: number[] | null;
}

const ablated = (run: string, at: { checkpoint: number; off: string; split: Split; v: string }) =>
  endpoint('/api/runs/{run}/checkpoints/{checkpoint}/ablated', { run, ...at });

export class SwitchedOff {
  #store = $state.raw<Store | null>(null);
  #confusion = $state.raw<Resource<{ url: string; answer: AblatedConfusion }> | null>(null);
  #prediction = $state.raw<Resource<AblatedPrediction> | null>(null);
  /** What was off before everything was switched on. */
  #last = '';
  /** Number of view headers that show the notice; where it is 0, the notice is shown at the bottom of the window. */
  inHeaders = $state(0);

  readonly units = $derived.by<OffUnit[]>(() => parseOff(this.#store?.option('off', '') ?? ''));
  readonly text = $derived.by(() => formatOff(this.units));
  readonly any = $derived.by(() => this.units.length > 0);
  /** The parameter `off` of requests; null where no unit is. */
  readonly parameter = $derived.by(() => this.text || null);

  /** Call while the shell is being set up. */
  attach(store: Store): void {
    this.#store = store;
    this.#confusion = resource(() => {
      const { run, now } = store;
      if (!run || !now || now.problem || !this.any || !run.corpus.available) return null;
      const split = store.option('confusion.split', 'test') as Split;
      const { text: off } = this;
      return {
        key: `${run.id}/${now.hash}/${split}/${off}`,
        tag: now.index,
        subject: { name: `${run.id}/${now.index}`, ms: REST_MS },
        load: async (signal) => {
          const asked = ablated(run.id, { checkpoint: now.index, off, split, v: now.hash.slice(0, 16) });
          return { url: asked.url, answer: await asked.json(signal) };
        },
      };
    });
    this.#prediction = resource(() => {
      const { run, now, image } = store;
      if (!run || !now || now.problem || !this.any || image === null || !run.corpus.available) return null;
      const { text: off } = this;
      return {
        key: `${run.id}/${now.hash}/${image}/${off}`,
        tag: now.index,
        load: async (signal) => {
          const path = '/api/runs/{run}/checkpoints/{checkpoint}/predict/{image}' as const;
          const v = now.hash.slice(0, 16);
          const { probabilities: all } = await endpoint(path, {
            run: run.id,
            checkpoint: now.index,
            image,
            off,
            v,
          }).json(signal);
          const known = all.filter((one) => one !== null);
          return { off, image, probabilities: known.length === all.length ? known : null };
        },
      };
    });
  }

  /** The confusion without the units that are off, at the checkpoint or the one that was read last; null while unknown. */
  get confusion(): AblatedConfusion | null {
    const value = this.#confusion?.value?.answer ?? null;
    return this.any && value && formatOff(value.off) === this.#sorted ? value : null;
  }
  /** The server's order: by layer of the network, then by number. */
  readonly #sorted = $derived.by(() => {
    const order = this.#store?.run?.layers.map((layer) => layer.name) ?? [];
    return formatOff([...this.units].sort((a, b) => order.indexOf(a.layer) - order.indexOf(b.layer)));
  });
  /** The address of its request. */
  get url(): string {
    return this.#confusion?.value?.url ?? '';
  }
  get error(): unknown {
    return this.#confusion?.error ?? null;
  }
  get pending(): boolean {
    return this.#confusion?.pending ?? false;
  }
  retry(): void {
    this.#confusion?.retry();
  }

  /** Probabilities of the selected image without them; null where nothing is off, or while they are not known. */
  get probabilities(): number[] | null {
    const value = this.#prediction?.value;
    const isOf = this.any && value?.image === this.#store?.image && value?.off === this.text;
    return isOf ? (value?.probabilities ?? null) : null;
  }

  /** The unit to switch where this one is shown; null where it cannot be off. */
  switchOf(unit: OffUnit): OffUnit | null {
    const run = this.#store?.run;
    return run ? switchOf(run.layers, unit, run.classes.length) : null;
  }

  isOff(unit: OffUnit): boolean {
    return isUnitOff(this.units, unit);
  }

  toggle(unit: OffUnit): void {
    this.set(toggleOff(this.units, unit));
  }

  set(units: readonly OffUnit[]): void {
    if (this.any && units.length === 0) this.#last = this.text;
    this.#store?.setOption('off', formatOff(units), '');
  }

  /** Everything is on again. */
  restore(): void {
    this.set([]);
  }

  /** Toggles by key: the unit of the card or the pinned one; without one, all units on, or the last ones off again. */
  key(unit: OffUnit | null): void {
    const own = unit && this.switchOf(unit);
    if (own) return this.toggle(own);
    this.set(this.any ? [] : parseOff(this.#last));
  }

  isFlat = (name: string): boolean => {
    const shape = this.#store?.run?.layers.find((layer) => layer.name === name)?.shape;
    return shape !== undefined && shape.height * shape.width === 1;
  };
}

/** The only instance. */
export const switchedOff = new SwitchedOff();
