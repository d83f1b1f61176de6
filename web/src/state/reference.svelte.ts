/**
 * What everything is compared with: the pinned checkpoint of the open run (`before=`), or, where there is a second run, B's
 * checkpoint under the playhead. Views ask for it here. Two networks have images and classes in common; filters, clusters
 * and units of one number have not, so of those there is a reference in the open run alone (`own`). The shell attaches it.
 */
import { untrack } from 'svelte';
import type { Run } from '../api/types';
import { inClassesOf, whyNotAsked, whyNotCounted } from './pairing';
import { Predictions } from './predictions.svelte';
import { secondRun } from './secondRun.svelte';
import type { Store } from './store.svelte';
import { urlStateForRun } from './resolveUrlState';
import { hashFromUrlState, urlStateFromHash } from './urlState';

export class Reference {
  #store = $state.raw<Store | null>(null);
  /** B's predictions for the selected image, in the order of its own classes. */
  readonly ofB: Predictions;
  /** The run whose predictions `ofB` holds; the previous B until the present one is requested. */
  #asked = $state('');
  /** The key is held that shows B in the place of A. */
  #held = $state(false);
  /** Parts of the page that show B while it is held. */
  #shown = $state(0);

  /** Whether the reference is a checkpoint of B. */
  readonly isB = $derived.by(() => secondRun.on);
  /** B is another run: its filters, units and clusters are others than those of the same number. */
  readonly isOther = $derived.by(() => this.isB && secondRun.id !== this.#store?.run?.id);
  readonly run = $derived.by<Run | null>(() => (this.isB ? secondRun.run : (this.#store?.run ?? null)));
  /** Its index in its run; null where B has no aligned checkpoint. */
  readonly checkpoint = $derived.by<number | null>(() =>
    this.isB ? secondRun.checkpoint : (this.#store?.before ?? null),
  );
  /** Its index in the open run; -1 where it belongs to B. */
  readonly own = $derived.by<number>(() => (this.isOther ? -1 : (this.checkpoint ?? -1)));
  /** Its name in texts. */
  readonly name = $derived.by(() => (this.isB ? 'B' : 'reference'));
  /** `reference, 3`; `B, 3`. */
  readonly words = $derived.by(() => `${this.name}, ${this.checkpoint ?? '–'}`);
  /** Why there are no counts of it beside those of the open run; empty where there are, or may be soon. */
  readonly whyNotCounted = $derived.by(() =>
    this.isOther ? whyNotCounted(this.#store?.run ?? null, secondRun.run) : '',
  );
  /** Why it says nothing of the selected image. */
  readonly whyNotAsked = $derived.by(() =>
    this.isOther ? whyNotAsked(this.#store?.run ?? null, secondRun.run, this.#store?.image ?? null) : '',
  );
  /** `ofB` holds predictions of the present B. */
  readonly isAsked = $derived.by(() => this.#asked !== '' && this.#asked === secondRun.run?.id);
  /** Why it has no probabilities of the selected image for the open run's classes. */
  readonly whyNoAnswer = $derived.by(() => this.whyNotAsked || this.whyNotCounted);
  /** Probabilities of the selected image there, in the order of the open run's classes; null while they are not known. */
  readonly probabilities = $derived.by<number[] | null>(() => {
    const [store, at] = [this.#store, this.checkpoint];
    if (!store?.run || at === null) return null;
    if (!this.isB) return store.predictions.at(at);
    const b = secondRun.run;
    if (!b || !this.isAsked || this.whyNoAnswer) return null;
    const known = this.ofB.at(at);
    return known && inClassesOf(store.run.classes, b.classes, known);
  });

  /** The key has something to show here: a checkpoint of the open run in every view, another run where a part of the page shows it. */
  readonly canBeHeld = $derived.by(() => !this.isOther || this.#shown > 0);
  readonly isHeld = $derived.by(() => this.#held && this.isOther && this.#shown > 0);

  /** Shows the reference while a key is held: a checkpoint of the open run, or B in the place of A. */
  peek(on: boolean): void {
    const store = this.#store;
    if (!store) return;
    this.#held = on && this.isOther && this.canBeHeld;
    if (on && this.#held) store.player.stop();
    else if (!on || this.own >= 0) store.peek(on, on ? this.own : store.before);
  }

  /** Call while a component is being set up that shows B in the place of A while the key is held; not where `when` is false. */
  shownWhileHeld(when: () => boolean = () => true): void {
    $effect(() => {
      if (!when()) return;
      untrack(() => (this.#shown += 1));
      return () => untrack(() => (this.#shown -= 1));
    });
  }

  /** Sets the reference to the current checkpoint; of another run B it pins B's checkpoint where it is. */
  setHere(): void {
    const store = this.#store;
    if (!store) return;
    if (!this.isB) return store.choose({ before: store.checkpoint });
    const here = this.isOther ? secondRun.checkpoint : store.checkpoint;
    if (here !== null) secondRun.pin(here);
  }

  /** What is current becomes the reference, and the reverse; two runs change their places. */
  swap(): void {
    const [store, to] = [this.#store, this.checkpoint];
    if (!store?.run || to === null) return;
    if (!this.isB) return store.swap();
    const from = store.checkpoint;
    if (this.isOther) return this.#swapRuns(store, to);
    secondRun.pin(from);
    store.go(to);
  }

  /** By the address, as any run is opened. B is pinned where A was only if it was pinned; else the clock aligns it. */
  #swapRuns(store: Store, to: number): void {
    const { run, id, isPinned } = { run: store.run, id: secondRun.id, isPinned: secondRun.isPinned };
    if (!run || id === null) return;
    const now = urlStateFromHash(store.hrefOf(store.view));
    const { options, ...state } = urlStateForRun(now, id);
    const b = { 'b.run': run.id, ...(isPinned && { 'b.checkpoint': String(store.checkpoint) }) };
    const isShared = run.corpus.identity === secondRun.run?.corpus.identity;
    const image = isShared ? store.image : state.image;
    location.hash = hashFromUrlState({ ...state, image, checkpoint: to, options: { ...options, ...b } });
  }

  constructor() {
    const inputs = (): Store | null => this.#store;
    this.ofB = new Predictions({
      get run() {
        return secondRun.run;
      },
      get image() {
        return inputs()?.image ?? null;
      },
      get checkpoint() {
        return secondRun.checkpoint ?? 0;
      },
      get before() {
        return secondRun.checkpoint ?? 0;
      },
      get statisticsVersion() {
        return inputs()?.statisticsVersion ?? 0;
      },
    });
  }

  /** Call while the shell is being set up. */
  attach(store: Store): void {
    this.#store = store;
    $effect(() => {
      void [store.image, secondRun.checkpoint, store.statisticsVersion];
      const id = secondRun.run?.id ?? '';
      if (this.whyNotAsked || !id) return;
      untrack(() => {
        if (this.#asked !== id) this.ofB.clear();
        this.#asked = id;
        void this.ofB.update();
      });
    });
  }
}

/** The one of the page. */
export const reference = new Reference();
