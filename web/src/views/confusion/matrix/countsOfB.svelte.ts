// The counts of the second run, at its checkpoint under the playhead and at all of them, in the order of the open run's classes.
import type { Split } from '../../../api/types';
import { matrixInClassesOf } from '../../../state/pairing';
import { reference } from '../../../state/reference.svelte';
import { resource, type Resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';
import { secondRun } from '../../../state/secondRun.svelte';
import { countsEndpoint, isWhole, readSeries, type CountsAt } from './confusionCounts.svelte';
import type { Cell, Series } from './data';
import { historyOnClock, type HistoryOfB } from './historyOfB';

/** Number of cached checkpoints of B, whose playhead moves with A's. */
const KEPT = 64;

export class CountsOfB {
  readonly #read: Resource<CountsAt & { of: string }>;
  readonly #history: Resource<Series & { of: string }>;
  readonly #of = $derived.by(() => `${this.#store.run?.id}\n${reference.run?.id}\n${this.#split()}`);
  readonly #store: Store;
  readonly #split: () => Split;

  constructor(store: Store, split: () => Split) {
    this.#store = store;
    this.#split = split;
    this.#read = resource(
      () => {
        const { run: b, checkpoint } = reference;
        const point = b?.checkpoints[checkpoint ?? -1];
        const wanted = split();
        if (!reference.isOther || reference.whyNotCounted || !b || !point || !store.run) return null;
        if (point.statistics[wanted] !== 'ready') return null;
        const of = this.#of;
        const { classes } = store.run;
        return {
          key: `${of}\n${point.hash}`,
          tag: point.index,
          load: async (signal) => {
            const { counts } = await countsEndpoint(b.id, point.index, wanted).json(signal);
            return { checkpoint: point.index, of, counts: matrixInClassesOf(classes, b.classes, counts) };
          },
        };
      },
      { cacheSize: KEPT },
    );
    this.#history = resource(() => {
      const { run: b } = reference;
      const of = this.#of;
      if (!reference.isOther || reference.whyNotCounted || !b || !isWhole(b)) return null;
      const ready = b.checkpoints.filter((point) => point.statistics[split()] === 'ready').length;
      const wanted = split();
      return {
        key: `${of}\n${ready}`,
        load: async (signal) => ({ ...(await readSeries(b, wanted, signal)), of }),
      };
    });
  }

  /** What B has of a cell, or of a pair either way, under checkpoints of A; null where it is not known. */
  historyOf(cell: Cell, checkpoints: readonly number[]): HistoryOfB | null {
    const { value } = this.#history;
    const [a, b] = [this.#store.run, reference.run];
    if (!a || !b || !reference.isOther || value?.of !== this.#of) return null;
    return historyOnClock(value, cell, { a: a.classes, b: b.classes, clock: secondRun.clock, checkpoints });
  }

  /** Those of the checkpoint that was read last; null where there are none. */
  get value(): CountsAt | null {
    const { value } = this.#read;
    return reference.isOther && !reference.whyNotCounted && value?.of === this.#of ? value : null;
  }
}
