// State and requests of the review: the list, the verdicts on it, the image that is open.
import { endpoint, messageOf, request } from '../../../api/client';
import { classText } from '../../../api/className';
import type { ImageHistory, LabelIssue, NearImages, Review, Split, Verdict } from '../../../api/types';
import { resource, type Resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';
import { formatCell, sameCell, type Cell } from '../matrix/data';
import { narrowingCell, readIssues, type IssuePage } from './issues';
import { cutFrom, openItem, type Verdicts } from './review';

/** Images of either class beside the open one. */
const TYPICAL = 6;

/** What is known of an open image beside its line in the list. */
export interface Evidence {
  id: number;
  label: number;
  suggestion: number;
  history: ImageHistory;
  /** Typical images nearest to it, of the label's class and of the suggested one. */
  typical: [NearImages, NearImages];
}

/** A change that can be undone: an image, and its verdict before. */
interface Step {
  id: number;
  before: Verdict | null;
}

export class ReviewList {
  readonly list: Resource<IssuePage & { cell: Cell | null }>;
  readonly evidence: Resource<Evidence>;
  readonly #saved: Resource<Review>;
  readonly #store: Store;
  readonly #split: () => Split;
  readonly cut = $derived.by(() => cutFrom(this.#store.option('confusion.cut', '')));
  /** The pinned cell of the matrix: only its images are listed. */
  readonly cell = $derived.by<Cell | null>(() => {
    const store = this.#store;
    return narrowingCell(store.option('confusion.cell', ''), store.run?.classes.length ?? 0);
  });
  /** The list of the last request, once it has arrived. */
  readonly listed = $derived.by(() => {
    const { value } = this.list;
    return value?.split === this.#split() && sameCell(value.cell, this.cell) ? value : null;
  });
  readonly items = $derived.by<LabelIssue[]>(() => {
    // Without the verdicts it is not known which image comes first.
    const isKnown = this.#saved.value !== null || this.#saved.error !== null;
    return isKnown ? (this.listed?.items ?? []) : [];
  });
  readonly total = $derived.by(() => (this.items.length ? (this.listed?.total ?? 0) : 0));
  /** The verdicts that the server has stored, overlaid with those that are not saved yet. */
  readonly verdicts = $derived.by<Verdicts>(() => {
    const all = new Map<number, Verdict>();
    for (const one of this.#saved.value?.items ?? []) all.set(one.id, one.verdict);
    for (const [id, verdict] of this.#unsaved) {
      if (verdict) all.set(id, verdict);
      else all.delete(id);
    }
    return all;
  });
  /** The index of the open item. */
  readonly at = $derived.by(() => openItem(this.items, this.#store.image, (id) => this.#wasReviewed(id)));
  readonly open = $derived.by<LabelIssue | null>(() => this.items[this.at] ?? null);
  readonly file = $derived.by(() => this.#saved.value?.file ?? '');
  readonly error = $derived.by(() => this.list.error ?? this.#saved.error);
  /** Why the last verdict was not saved; empty where it was. */
  problem = $state('');
  /** The last change in words, for a screen reader. */
  spoken = $state('');
  #unsaved = $state.raw<ReadonlyMap<number, Verdict | null>>(new Map());
  #undo = $state.raw<Step[]>([]);
  readonly canUndo = $derived.by(() => this.#undo.length > 0);
  /** Verdicts are sent one after the other, so that the last one stays. */
  #sending: Promise<unknown> = Promise.resolve();
  /** Evidence of the next images, requested before they are opened. */
  readonly #ahead = new Map<string, Promise<Evidence>>();

  constructor(store: Store, split: () => Split) {
    this.#store = store;
    this.#split = split;
    this.list = resource<IssuePage & { cell: Cell | null }>(() => {
      const run = store.run?.id;
      const { cut, cell } = this;
      const asked = split();
      return (
        run !== undefined && {
          key: `${run}/${asked}/${cut}/${cell ? formatCell(cell) : ''}/${store.statisticsVersion}`,
          load: async (signal) => ({
            ...(await readIssues({ run, split: asked, first: 0, limit: cut }, cell, signal)),
            cell,
          }),
        }
      );
    });
    this.#saved = resource<Review>(() => {
      const run = store.run?.id;
      return (
        run !== undefined && {
          key: `${run}/${this.#reads}`,
          load: async (signal) => {
            await this.#sending;
            const [before, saved] = [
              this.#unsaved,
              await endpoint('/api/runs/{run}/review', { run }).json(signal),
            ];
            // The server's answer replaces the unsaved verdicts, unless new ones were given meanwhile.
            if (this.#unsaved === before) this.#unsaved = new Map();
            return saved;
          },
        }
      );
    });
    this.evidence = resource<Evidence>(() => {
      const { open, items, at } = this;
      if (!open) return null;
      const key = this.#keyOf(open);
      return {
        key,
        tag: open.id,
        load: async (signal) => {
          const found = await (this.#ahead.get(key) ?? this.#ask(open, signal));
          this.#prefetch(items.slice(at + 1, at + 3));
          return found;
        },
      };
    });
    // Verdicts of another run are not shown, and not undone.
    let of = store.run?.id;
    $effect.pre(() => {
      if (store.run?.id === of) return;
      of = store.run?.id;
      this.#unsaved = new Map();
      this.#undo = [];
      this.problem = '';
    });
  }

  /** Grows when verdicts are to be read again: others may have set some. */
  #reads = $state(0);
  refresh(): void {
    this.#reads += 1;
  }

  /** An image that is reviewed here stays open although it has a verdict now. */
  #wasReviewed(id: number): boolean {
    return (this.#saved.value?.items ?? []).some((one) => one.id === id);
  }

  #checkpoint(): number {
    return this.list.value?.checkpoints.at(-1) ?? this.#store.last;
  }

  #keyOf(issue: LabelIssue): string {
    const store = this.#store;
    return `${store.run?.id}/${issue.id}/${issue.label}/${issue.predicted}/${this.#checkpoint()}/${store.statisticsVersion}`;
  }

  async #ask(issue: LabelIssue, signal?: AbortSignal): Promise<Evidence> {
    const { run } = this.#store;
    if (!run) throw new Error('no run');
    const checkpoint = this.#checkpoint();
    const near = (index: number) =>
      endpoint('/api/runs/{run}/checkpoints/{checkpoint}/images/{image}/near', {
        run: run.id,
        checkpoint,
        image: issue.id,
        typical: classText(run.classes, index) ?? String(index),
        limit: TYPICAL,
      }).json(signal);
    const history = endpoint('/api/runs/{run}/images/{image}/history', { run: run.id, image: issue.id });
    const [of, ofLabel, ofSuggestion] = await Promise.all([
      history.json(signal),
      near(issue.label),
      near(issue.predicted),
    ]);
    return {
      id: issue.id,
      label: issue.label,
      suggestion: issue.predicted,
      history: of,
      typical: [ofLabel, ofSuggestion],
    };
  }

  #prefetch(next: readonly LabelIssue[]): void {
    this.#store.tiles.load(next.map((one) => one.id));
    const keys = next.map((one) => this.#keyOf(one));
    for (const key of this.#ahead.keys()) if (!keys.includes(key)) this.#ahead.delete(key);
    next.forEach((issue, n) => {
      if (this.#ahead.has(keys[n])) return;
      const asked = this.#ask(issue);
      this.#ahead.set(keys[n], asked);
      // Asked again when it is open.
      asked.catch(() => this.#ahead.delete(keys[n]));
      void asked
        .then(({ typical }) =>
          this.#store.tiles.load(typical.flatMap((near) => near.items.map((one) => one.id))),
        )
        .catch(() => undefined);
    });
  }

  go(index: number): void {
    const item = this.items[Math.min(this.items.length - 1, Math.max(0, index))];
    if (item && item.id !== this.#store.image) this.#store.choose({ image: item.id }, true);
  }

  retry(): void {
    this.list.retry();
    this.#saved.retry();
  }

  /** Shows more of the list. */
  more(by: number): void {
    this.#store.setOption('confusion.cut', String(cutFrom(String(this.cut + by))), '');
  }

  /** A verdict on the open image; the next one is opened. */
  say(verdict: Verdict): void {
    const { open, at } = this;
    if (!open) return;
    this.#undo = [...this.#undo, { id: open.id, before: this.verdicts.get(open.id) ?? null }];
    this.#set(open.id, verdict, open.predicted);
    this.spoken = `image ${open.id}: label ${verdict}`;
    this.go(at + 1);
  }

  /** Takes the last verdict of this visit back, and opens its image. */
  undo(): void {
    const step = this.#undo.at(-1);
    if (!step) return;
    this.#undo = this.#undo.slice(0, -1);
    const issue = this.items.find((one) => one.id === step.id);
    this.#set(step.id, step.before, issue?.predicted ?? null);
    this.spoken = `image ${step.id}: ${step.before ? `label ${step.before} again` : 'no verdict'}`;
    this.#store.choose({ image: step.id }, true);
  }

  #mark(id: number, verdict: Verdict | null): void {
    this.#unsaved = new Map([...this.#unsaved, [id, verdict]]);
  }

  #set(id: number, verdict: Verdict | null, suggestion: number | null): void {
    const run = this.#store.run?.id;
    if (run === undefined) return;
    const before = this.verdicts.get(id) ?? null;
    this.#mark(id, verdict);
    const { url } = endpoint('/api/runs/{run}/review', { run });
    const send = () =>
      request(`${url}/${id}`, {
        method: verdict ? 'PUT' : 'DELETE',
        body: verdict ? JSON.stringify({ verdict, suggestion }) : undefined,
        headers: verdict ? { 'content-type': 'application/json' } : {},
      });
    this.#sending = this.#sending.then(send).then(
      () => {
        this.problem = '';
      },
      (error: unknown) => {
        if (this.#store.run?.id !== run) return;
        this.problem = `The verdict on image ${id} was not kept: ${messageOf(error)}`;
        if (this.#unsaved.get(id) === verdict) this.#mark(id, before);
        this.#undo = this.#undo.filter((step) => step.id !== id);
      },
    );
  }
}
