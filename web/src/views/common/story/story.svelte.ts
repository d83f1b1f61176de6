/** The story of a run as the page holds it: the sentences that the server finds, and those of users. */
import { endpoint, request } from '../../../api/client';
import type { FoundSentence, OwnSentence, OwnSentences, Story, StoryPicture } from '../../../api/types';
import { during } from '../../../base/idle';
import { resource, type Resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';
import { readHidden, writeHidden } from './hidden';
import { checkpointOfOwn, hashOfLink, hashOfOwn } from './link';

/** A sentence of either kind, as the list, the slides and the report show it. */
export interface Told {
  key: string;
  text: string;
  evidence: string;
  /** Where the playhead goes; null to leave it. */
  checkpoint: number | null;
  /** The view set up for it; null where there is none. */
  href: string | null;
  /** The title of that view. */
  view: string;
  picture: StoryPicture | null;
  /** Position among the users' sentences; null of a found one. */
  own: number | null;
}

/** The test error of the run, for sentences of users: they have no picture of their own. */
function errorPicture(store: Store): StoryPicture | null {
  const points = store.run?.checkpoints ?? [];
  const values = points.map((point) => (point.diverged ? null : point.test_error));
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return null;
  return {
    kind: 'curves',
    image: null,
    checkpoints: points.map((point) => point.index),
    lines: [{ label: 'test error', rank: 'main', values }],
    range: [0, Math.min(1, Math.max(...known) * 1.05)],
    unit: 'share',
    means: [],
    events: [],
  };
}

export class RunStory {
  readonly found: Resource<Story>;
  readonly #kept: Resource<OwnSentences>;
  readonly #store: Store;
  /** As the server answered the last change. */
  #changed = $state.raw<{ run: string; value: OwnSentences } | null>(null);
  /** Why the last change was not kept; empty without a failure. */
  problem = $state('');
  busy = $state(false);
  /** How often the users' sentences were to be read again. */
  #times = $state(0);
  #hides = $state(0);

  constructor(store: Store) {
    this.#store = store;
    const last = () => store.run?.checkpoints.at(-1)?.hash ?? '';
    this.found = resource(
      () =>
        store.run && {
          key: `${store.run.id}/${last()}/${store.statistics}`,
          load: (signal) => endpoint('/api/runs/{run}/story', { run: store.run!.id }).json(signal),
        },
    );
    this.#kept = resource(
      () =>
        store.run && {
          key: this.#keyOf(store.run.id),
          load: (signal) => endpoint('/api/runs/{run}/story/own', { run: store.run!.id }).json(signal),
        },
    );
  }

  get error(): unknown {
    return this.#kept.error;
  }

  /** The sentences of users; null before they are read. */
  readonly own = $derived.by<OwnSentences | null>(() => {
    const run = this.#store.run?.id;
    if (this.#changed?.run === run) return this.#changed!.value;
    return run !== undefined && this.#kept.key === this.#keyOf(run) ? this.#kept.value : null;
  });

  /** Rules whose sentences were left out in this browser. */
  readonly #hidden = $derived.by<ReadonlySet<string>>(() => {
    void this.#hides;
    return readHidden(this.#store.run?.id ?? '');
  });
  /** How many of the sentences that were found are left out. */
  readonly leftOut = $derived.by(
    () => (this.found.value?.sentences ?? []).filter((one) => this.#hidden.has(one.id)).length,
  );
  /** All sentences: those found by rules, unless they were left out, then those of users. */
  readonly told = $derived.by<Told[]>(() => {
    const { run } = this.#store;
    if (!run) return [];
    const found = (this.found.value?.sentences ?? [])
      .filter((one) => !this.#hidden.has(one.id))
      .map((one) => fromFound(run.id, one));
    const picture = errorPicture(this.#store);
    const own = (this.own?.sentences ?? []).map((one, at): Told => {
      const href = hashOfOwn(run.id, one);
      return {
        key: `own-${at}`,
        text: one.text,
        evidence: one.note,
        checkpoint: checkpointOfOwn(one, this.#store.last),
        href,
        view: href ? (new URLSearchParams(href.slice(1)).get('view') ?? 'filters') : '',
        picture,
        own: at,
      };
    });
    return [...found, ...own];
  });

  /** Keeps these sentences in place of those that were read. False where that failed, with `problem` set. */
  async keep(sentences: OwnSentence[]): Promise<boolean> {
    const { run } = this.#store;
    if (!run || !this.own) return false;
    this.busy = true;
    this.problem = '';
    try {
      const answer = await request(endpoint('/api/runs/{run}/story/own', { run: run.id }).url, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ revision: this.own.revision, sentences }),
      });
      this.#changed = { run: run.id, value: await during(answer.json() as Promise<OwnSentences>) };
      return true;
    } catch (error) {
      const hint = (error as { problem?: { hint?: string } }).problem?.hint;
      this.problem = `Not kept: ${error instanceof Error ? error.message : String(error)}${hint ? ` (${hint})` : ''}`;
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** Leaves a found sentence out: of the list, the presenter and the report. */
  hide(rule: string): void {
    writeHidden(this.#store.run?.id ?? '', new Set([...this.#hidden, rule]));
    this.#hides += 1;
  }

  showAll(): void {
    writeHidden(this.#store.run?.id ?? '', new Set());
    this.#hides += 1;
  }

  /** Reads the users' sentences again, after someone else has changed them. */
  again(): void {
    this.#changed = null;
    this.problem = '';
    this.#times += 1;
  }

  #keyOf(run: string): string {
    return `${this.#times} ${run}`;
  }
}

const fromFound = (run: string, one: FoundSentence): Told => ({
  key: one.id,
  text: one.text,
  evidence: one.evidence,
  checkpoint: one.checkpoint,
  href: hashOfLink(run, one.link),
  view: one.link.view,
  picture: one.picture,
  own: null,
});
