/** The story of a run: the sentences that the server's rules find, and those that users wrote. */
import { endpoint, request } from '../../../api/client';
import type { FoundSentence, OwnSentence, OwnSentences, Story, StoryPicture } from '../../../api/types';
import { trackPending } from '../../../base/idle';
import { resource, type Resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';
import { readHidden, writeHidden } from './hidden';
import { checkpointOfUserSentence, fragmentOfLink, fragmentOfUserSentence } from './link';

/** A sentence, found by a rule or written by a user, as the list, the slides and the report show it. */
export interface StoryEntry {
  key: string;
  text: string;
  /** The numbers behind a found sentence, or the note of a user's. */
  detail: string;
  /** The checkpoint that the sentence is about; null where it names none. */
  checkpoint: number | null;
  /** Link to the view that shows it; null where there is none. */
  href: string | null;
  /** The id of that view; empty without a link. */
  view: string;
  chart: StoryPicture | null;
  /** Position among the users' sentences; null for a found one. */
  userIndex: number | null;
}

/** The chart of a user's sentence: the test error of the run. Null where fewer than two values are known. */
function errorChart(store: Store): StoryPicture | null {
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
  readonly #saved: Resource<OwnSentences>;
  readonly #store: Store;
  /** The server's answer to the last change; replaces what was read before. */
  #answer = $state.raw<{ run: string; value: OwnSentences } | null>(null);
  /** Why the last change was not saved; empty without a failure. */
  problem = $state('');
  busy = $state(false);
  /** Part of the resource's key: incremented to read the users' sentences again. */
  #reloadCount = $state(0);
  /** Incremented when the hidden sentences in the browser's storage change, which no rune sees. */
  #hiddenVersion = $state(0);

  constructor(store: Store) {
    this.#store = store;
    const last = () => store.run?.checkpoints.at(-1)?.hash ?? '';
    this.found = resource(
      () =>
        store.run && {
          key: `${store.run.id}/${last()}/${store.statisticsVersion}`,
          load: (signal) => endpoint('/api/runs/{run}/story', { run: store.run!.id }).json(signal),
        },
    );
    this.#saved = resource(
      () =>
        store.run && {
          key: this.#keyOf(store.run.id),
          load: (signal) => endpoint('/api/runs/{run}/story/own', { run: store.run!.id }).json(signal),
        },
    );
  }

  get error(): unknown {
    return this.#saved.error;
  }

  /** The sentences of users; null before they are read. */
  readonly userSentences = $derived.by<OwnSentences | null>(() => {
    const run = this.#store.run?.id;
    if (this.#answer?.run === run) return this.#answer!.value;
    return run !== undefined && this.#saved.key === this.#keyOf(run) ? this.#saved.value : null;
  });

  /** Ids of the found sentences that were left out in this browser: the id of a sentence is that of its rule. */
  readonly #hidden = $derived.by<ReadonlySet<string>>(() => {
    void this.#hiddenVersion;
    return readHidden(this.#store.run?.id ?? '');
  });
  /** The number of found sentences that are left out. */
  readonly leftOut = $derived.by(
    () => (this.found.value?.sentences ?? []).filter((one) => this.#hidden.has(one.id)).length,
  );
  /** All sentences: those found by rules, without the ones left out, then those of users. */
  readonly entries = $derived.by<StoryEntry[]>(() => {
    const { run } = this.#store;
    if (!run) return [];
    const found = (this.found.value?.sentences ?? [])
      .filter((one) => !this.#hidden.has(one.id))
      .map((one) => fromFound(run.id, one));
    const chart = errorChart(this.#store);
    const users = (this.userSentences?.sentences ?? []).map((one, at): StoryEntry => {
      const href = fragmentOfUserSentence(run.id, one);
      return {
        key: `user-${at}`,
        text: one.text,
        detail: one.note,
        checkpoint: checkpointOfUserSentence(one, this.#store.last),
        href,
        view: href ? (new URLSearchParams(href.slice(1)).get('view') ?? 'filters') : '',
        chart,
        userIndex: at,
      };
    });
    return [...found, ...users];
  });

  /** Replaces the users' sentences on the server. Returns false where that failed, with `problem` set. */
  async save(sentences: OwnSentence[]): Promise<boolean> {
    const { run } = this.#store;
    if (!run || !this.userSentences) return false;
    this.busy = true;
    this.problem = '';
    try {
      const answer = await request(endpoint('/api/runs/{run}/story/own', { run: run.id }).url, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ revision: this.userSentences.revision, sentences }),
      });
      this.#answer = { run: run.id, value: await trackPending(answer.json() as Promise<OwnSentences>) };
      return true;
    } catch (error) {
      const hint = (error as { problem?: { hint?: string } }).problem?.hint;
      this.problem = `Not saved: ${error instanceof Error ? error.message : String(error)}${hint ? ` (${hint})` : ''}`;
      return false;
    } finally {
      this.busy = false;
    }
  }

  /** Leaves a found sentence out of the list, the presenter and the report. */
  hide(id: string): void {
    writeHidden(this.#store.run?.id ?? '', new Set([...this.#hidden, id]));
    this.#hiddenVersion += 1;
  }

  showAll(): void {
    writeHidden(this.#store.run?.id ?? '', new Set());
    this.#hiddenVersion += 1;
  }

  /** Reads the users' sentences again, after someone else has changed them. */
  reload(): void {
    this.#answer = null;
    this.problem = '';
    this.#reloadCount += 1;
  }

  #keyOf(run: string): string {
    return `${this.#reloadCount} ${run}`;
  }
}

const fromFound = (run: string, one: FoundSentence): StoryEntry => ({
  key: one.id,
  text: one.text,
  detail: one.evidence,
  checkpoint: one.checkpoint,
  href: fragmentOfLink(run, one.link),
  view: one.link.view,
  chart: one.picture,
  userIndex: null,
});
