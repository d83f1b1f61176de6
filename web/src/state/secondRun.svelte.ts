/**
 * The second run, B, beside the open one, A (`b.run=` in the address): its checkpoints, and the one under the playhead. Which
 * one that is, a clock says that both runs share (`clock=epoch`), or the address (`b.checkpoint=`). The shell attaches it
 * to the store; views read the one instance.
 */
import { untrack } from 'svelte';
import { endpoint } from '../api/client';
import type { Checkpoint, ClockAnswer, ClockName, Run } from '../api/types';
import { CLOCKS, pairedCheckpoint, usualClock, whyUnpaired, type TwoCheckpoints } from './pairing';
import { resource, type Resource } from './resource.svelte';
import type { Store } from './store.svelte';

/** Interval in which a second run that trains is read again: there are events only for the first. */
const POLL_MS = 5000;

export class SecondRun {
  #store = $state.raw<Store | null>(null);
  #detail = $state.raw<Resource<Run> | null>(null);
  #clock = $state.raw<Resource<ClockAnswer> | null>(null);
  #reads = $state(0);

  readonly id = $derived.by<string | null>(() => this.#store?.option('b.run', '') || null);
  readonly #usual = $derived.by<ClockName>(() => usualClock(this.#store?.run ?? null, this.run));
  readonly on = $derived.by(() => this.id !== null && this.#store?.run != null);
  readonly by = $derived.by<ClockName>(() => {
    const option = this.#store?.option('clock', '') as ClockName;
    return CLOCKS.includes(option) ? option : this.#usual;
  });
  /** Null while it is being read. */
  readonly run = $derived.by<Run | null>(() => {
    const run = this.#detail?.value ?? null;
    return run?.id === this.id ? run : null;
  });
  /** The answer of the clock that is chosen, for these two runs. */
  readonly clock = $derived.by<ClockAnswer | null>(() => {
    const key = this.#clock?.key ?? '';
    return this.run && key.startsWith(this.#pairKey) ? (this.#clock?.value ?? null) : null;
  });
  readonly #pairKey = $derived.by(() => `${this.#store?.run?.id ?? ''}\n${this.id ?? ''}\n${this.by}\n`);
  /** True where the address says which checkpoint of B, not the clock. */
  readonly isPinned = $derived.by(() => /^\d{1,6}$/.test(this.#store?.option('b.checkpoint', '') ?? ''));
  /** Null where B has none under the playhead, or none yet. */
  readonly checkpoint = $derived.by<number | null>(() => {
    const points = this.run?.checkpoints ?? [];
    if (!points.length) return null;
    if (this.isPinned) return Math.min(points.length - 1, Number(this.#store?.option('b.checkpoint', '0')));
    return pairedCheckpoint(this.clock, this.#store?.checkpoint ?? 0, points.length);
  });
  /** B's checkpoint that is aligned with any checkpoint of A. */
  under(checkpoint: number): Checkpoint | null {
    const points = this.run?.checkpoints ?? [];
    const index = this.isPinned ? this.checkpoint : pairedCheckpoint(this.clock, checkpoint, points.length);
    return points[index ?? -1] ?? null;
  }
  readonly now = $derived.by<Checkpoint | null>(() => this.run?.checkpoints[this.checkpoint ?? -1] ?? null);
  /** Whether both runs have statistics of their test images. */
  readonly hasTestStatistics = $derived.by(() =>
    [this.#store?.now, this.now].every((point) => point?.statistics.test === 'ready'),
  );
  /** The two checkpoints to compare; null where there are not two that can be read. */
  readonly at = $derived.by<TwoCheckpoints | null>(() => {
    const [a, b] = [this.#store?.now, this.now];
    if (!this.#store?.run || !this.run || !a || !b || a.problem || b.problem) return null;
    return { run: this.#store.run.id, checkpoint: a.index, b: this.run.id, b_checkpoint: b.index };
  });
  /** A key that changes when the comparison does. */
  readonly key = $derived.by(() => {
    const a = this.#store?.now;
    return this.at && a && this.now ? `${this.at.run}/${a.hash}/${this.at.b}/${this.now.hash}` : '';
  });
  /** Why there is no checkpoint of B; empty where there is one, or may be soon. */
  readonly why = $derived.by(() => {
    if (!this.on || this.checkpoint !== null) return '';
    if (this.run?.checkpoints.length === 0) return 'B has no checkpoint yet';
    return this.clock ? whyUnpaired(this.clock, this.#store?.now?.problem ?? null) : '';
  });

  /** Call while the shell is being set up. */
  attach(store: Store): void {
    this.#store = store;
    this.#detail = resource(
      () =>
        this.id !== null && {
          key: `${this.id}\n${this.#reads}`,
          load: (signal) => endpoint('/api/runs/{run}', { run: this.id ?? '' }).json(signal),
        },
      { cacheSize: 4 },
    );
    this.#clock = resource(() => {
      const [a, b] = [store.run, this.run];
      if (!a || !b || a.checkpoints.length === 0 || b.checkpoints.length === 0) return null;
      const { by } = this;
      const lengths = `${a.checkpoints.length}/${b.checkpoints.length}/${store.statisticsVersion}/${this.#reads}`;
      return {
        key: this.#pairKey + lengths,
        load: (signal) => endpoint('/api/runs/{run}/clock', { run: a.id, b: b.id, by }).json(signal),
      };
    });
    this.#readAgain(store);
  }

  #readAgain(store: Store): void {
    $effect(() => {
      if (!this.run?.live) return;
      const timer = setInterval(() => {
        if (document.visibilityState === 'visible') this.#reads += 1;
      }, POLL_MS);
      return () => clearInterval(timer);
    });
    // Where both are the same run, B grows with A.
    $effect(() => {
      void [store.run, store.statisticsVersion];
      untrack(() => {
        if (this.id !== null && this.id === store.run?.id) this.#reads += 1;
      });
    });
  }

  get error(): unknown {
    return this.on ? (this.#detail?.error ?? this.#clock?.error ?? null) : null;
  }
  get pending(): boolean {
    return this.on && ((this.#detail?.pending ?? false) || (this.#clock?.pending ?? false));
  }
  /** Reads B and the clock again. */
  retry(): void {
    this.#reads += 1;
  }

  /** Shows a run beside the open one; null takes it away. */
  choose(id: string | null): void {
    this.release();
    this.#store?.setOption('b.run', id ?? '', '');
  }
  setClock(by: ClockName): void {
    this.release();
    this.#store?.setOption('clock', by, this.#usual);
  }
  /** B stays at this checkpoint, whatever the clock says. */
  pin(checkpoint: number): void {
    this.#store?.setOption('b.checkpoint', String(checkpoint));
  }
  /** B follows the clock. */
  release(): void {
    this.#store?.setOption('b.checkpoint', '', '');
  }
}

/** The only instance. */
export const secondRun = new SecondRun();
