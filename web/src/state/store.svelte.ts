/**
 * The state that views share. Every view receives it as the prop `store`. For a view:
 * - Read `store.run` (never null inside a view), `store.checkpoint` and `store.before` (indices of the shown checkpoint and
 *   of the reference it is compared with), `store.now` and `store.then` (the two checkpoints themselves), `store.layer` /
 *   `store.layerInfo`, `store.filter`, `store.channel`, `store.image`: all are runes.
 * - Change with `store.go(c)`, `store.choose({ layer, filter, channel, image, before, view })`,
 *   `store.setOption(name, value, default)`. The address, the history and all other views follow.
 * - Load with `resource()`: the latest request wins, the old value stays until the new one has arrived. Pictures of
 *   layers: `sheets()`. Images: `store.tiles` through `<Thumbs>` (views/common).
 * - Probabilities of the selected image at any checkpoint: `store.predictions.at(c)`.
 * - `store.statisticsVersion` is incremented when statistics of this run became ready: use it in a resource's key.
 * - `store.direction` is the way the playhead last moved (1 or -1): prefetch that way first.
 */
import type { Checkpoint, ImageDetail, Layer, Metrics, Run, RunProblem, RunSummary } from '../api/types';
import { touch } from '../base/idle';
import { AddressBar } from './addressBar.svelte';
import { resolveUrlState, urlStateForRun, urlStateOf } from './resolveUrlState';
import { choicePatch, movePatch, optionPatch, optionsForLayer, peekPatch, type Choice } from './selection';
import { AutoRetry } from './connection.svelte';
import { epochAway, nextReadable, nearestReadable } from './checkpoints';
import { LiveUpdates, type RunUpdate } from './liveUpdates.svelte';
import { findRun } from './findRun';
import { isOwnImage } from './imageId';
import { MarkList } from './markList.svelte';
import { OwnImages } from './ownImages.svelte';
import type { ExportData } from './exportData';
import {
  chosenClass,
  emptyUrlState,
  hashFromUrlState,
  sharedUrlState,
  urlStateFromHash,
  type UrlState,
} from './urlState';
import { Player } from './player.svelte';
import { Predictions } from './predictions.svelte';
import { Presenter } from './presenter.svelte';
import { StaleViews } from './staleViews.svelte';
import { ThemeState, type Theme } from './theme.svelte';
import { Tiles } from './tiles.svelte';

/** Polling interval of a folder without runs. */
const EMPTY_POLL_MS = 2000;

export class Store {
  runs = $state.raw<RunSummary[]>([]);
  /** Folders that look like runs and cannot be opened. */
  unopened = $state.raw<RunProblem[]>([]);
  run = $state.raw<Run | null>(null);
  metrics = $state.raw<Metrics | null>(null);
  /** Why the run could not be opened; null without a failure. */
  failure = $state.raw<unknown>(null);
  /** True once the list of runs was read, even if it was empty. */
  started = $state(false);
  /** The selected image as the corpus knows it; null while it is being read. */
  imageDetail = $state.raw<ImageDetail | null>(null);

  /** Read from the address at once, so that no other view is opened first; empty until the run selects one. */
  view = $state(urlStateFromHash(globalThis.location?.hash ?? '').view ?? '');
  checkpoint = $state(0);
  before = $state(0);
  layer = $state('');
  filter = $state<number | null>(0);
  channel = $state<number | null>(null);
  image = $state<number | null>(null);
  options = $state.raw<Record<string, string>>({});
  follow = $state(false);
  direction = $state<1 | -1>(1);
  /** While a key is held, every view shows the reference; this is where the playhead returns to. */
  held = $state<number | null>(null);
  statisticsVersion = $state(0);
  /** Requests and tables of the view on the screen, for the export menu (exportSource.svelte.ts). */
  exportSource = $state.raw<(() => ExportData) | null>(null);

  readonly player = new Player(this);
  readonly marks = new MarkList(this);
  readonly presenter = new Presenter(this);
  readonly predictions = new Predictions(this);
  readonly ownImages = new OwnImages(this);
  readonly tiles = new Tiles(() => this.run?.corpus ?? null);

  readonly last = $derived(Math.max(0, (this.run?.checkpoints.length ?? 1) - 1));
  readonly now = $derived<Checkpoint | null>(this.run?.checkpoints[this.checkpoint] ?? null);
  readonly then = $derived<Checkpoint | null>(this.run?.checkpoints[this.before] ?? null);
  readonly imageClass = $derived(
    this.imageDetail?.id === this.image
      ? (this.imageDetail?.class ?? null)
      : (this.ownImages.of(this.image)?.trueClass ?? null),
  );
  /** The selected class (a row of the matrix, a bar): views that list images show only its images. */
  readonly classChosen = $derived(chosenClass(this.options, this.run?.classes.length ?? 0));
  readonly layerInfo = $derived<Layer | null>(this.run?.layers.find((l) => l.name === this.layer) ?? null);
  readonly #addressBar = new AddressBar(() => this.#urlState());
  readonly #updates = new LiveUpdates(this, {
    onPatch: (patch) => void Object.assign(this, patch),
    onRun: (update) => this.#refresh(update),
    onReopen: () => this.retry(),
  });
  readonly staleViews = new StaleViews();
  readonly #theme = new ThemeState();
  #pollTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #autoRetry = new AutoRetry(() => this.retry());
  #requested: UrlState = emptyUrlState();

  get theme(): Theme {
    return this.#theme.current;
  }

  /** Reads the address, opens the run, subscribes to events. */
  async start(): Promise<void> {
    this.#requested = urlStateFromHash(location.hash);
    this.#theme.start(this.#requested.options.theme);
    this.#updates.subscribe();
    addEventListener('popstate', () => void this.#navigate(urlStateFromHash(location.hash)));
    await this.#open(this.#requested);
  }

  async #open(state: UrlState): Promise<void> {
    this.failure = null;
    this.#autoRetry.done();
    try {
      const { runs, problems, run } = await findRun(state.run);
      this.runs = runs;
      this.unopened = problems;
      this.started = true;
      if (!run) {
        this.run = null;
        // No such run yet: one that starts training appears by an event or by polling.
        this.#updates.follow(null);
        if (state.run !== null) throw new Error(`There is no run “${state.run}” here.`);
        clearTimeout(this.#pollTimer);
        this.#pollTimer = setTimeout(() => void this.#open(state), EMPTY_POLL_MS);
        return;
      }
      this.metrics = null;
      this.predictions.clear();
      this.tiles.setCorpus(run.corpus);
      this.imageDetail = null;
      this.run = run;
      this.#apply(state);
      this.#updates.follow(run);
      this.#updates.awaitImages();
      // Every line written since then comes with the curves.
      void this.#updates.readMetrics();
    } catch (error) {
      if (!this.run) this.#updates.follow(null);
      // While the server is away, the run that is open stays on the screen.
      if (!this.#autoRetry.failed(error)) this.failure = error;
    }
  }

  /** Tries again after a failure. */
  retry(): void {
    void this.#open(this.#requested);
  }

  async chooseRun(id: string): Promise<void> {
    this.player.stop();
    this.#requested = urlStateForRun(this.#urlState(), id);
    await this.#open(this.#requested);
  }

  /** Back and forward, or an address typed by hand. */
  async #navigate(state: UrlState): Promise<void> {
    this.#requested = state;
    if (state.run !== null && state.run !== this.run?.id) return this.#open(state);
    this.#apply(state);
  }

  /** Applies a URL state; the run supplies what the address leaves out. */
  #apply(state: UrlState): void {
    const run = this.run;
    if (!run) return;
    Object.assign(this, resolveUrlState(state, run, this.runs.length));
    this.options = MarkList.withStored(run.id, state.options);
    this.held = null;
    this.#theme.follow(state.options.theme);
    this.#addressBar.write();
    touch();
  }

  /** Replaces the open run by its newer version. */
  #refresh({ run, metrics, hasNewStatistics, hasNewHashes }: RunUpdate): void {
    if (hasNewStatistics) this.statisticsVersion += 1;
    this.run = run;
    this.metrics = metrics;
    this.tiles.setCorpus(run.corpus);
    if (hasNewHashes) this.predictions.clear();
    if (this.follow) this.moveTo(nearestReadable(run.checkpoints, this.last));
    else if (this.checkpoint > this.last) this.moveTo(this.last);
  }

  /** Goes to a checkpoint by user action: stops playing and following. */
  go(checkpoint: number): void {
    this.player.stop();
    this.follow = false;
    this.moveTo(checkpoint);
  }

  /** Moves the playhead (the player and the live run use this). */
  moveTo(position: number): void {
    Object.assign(this, movePatch(this, position, this.last));
    this.#changed();
  }

  unfollow(): void {
    this.follow = false;
  }

  /** One readable checkpoint forward or back; gaps are skipped. */
  step(by: 1 | -1): void {
    this.go(nextReadable(this.run?.checkpoints ?? [], this.checkpoint, by));
  }

  /** About one epoch forward or back. */
  stepEpoch(by: 1 | -1): void {
    const points = this.run?.checkpoints ?? [];
    if (points.length) this.go(epochAway(points, this.checkpoint, by));
  }

  setFollow(on: boolean): void {
    this.player.stop();
    this.follow = on;
    if (on) this.moveTo(nearestReadable(this.run?.checkpoints ?? [], this.last));
    this.#changed();
  }

  /** Selects; with `replaces` back does not return to what was selected before (going through a list, image by image). */
  choose(choice: Choice, replaces = false): void {
    if (choice.layer !== undefined && choice.layer !== this.layer) this.options = optionsForLayer(this.options);
    Object.assign(this, choicePatch(this, choice, this.run?.layers ?? []));
    this.#changed(replaces);
  }

  /** Selects a class in all views; the same again clears the selection. */
  chooseClass(index: number | null): void {
    const same = index === null || index === this.classChosen;
    this.setOption('class', same ? '' : String(index), '');
  }

  /** Shows the reference in every view while a key is held; the address stays. */
  peek(on: boolean, reference = this.before): void {
    const patch = this.run && peekPatch(this, on, reference);
    if (!patch) return;
    if (on) this.player.stop();
    Object.assign(this, patch);
    touch();
  }

  swap(): void {
    const { checkpoint, before } = this;
    this.player.stop();
    this.follow = false;
    this.before = checkpoint;
    this.moveTo(before);
  }

  option(name: string, fallback: string): string {
    return this.options[name] ?? fallback;
  }

  setOption(name: string, value: string, fallback?: string): void {
    this.options = optionPatch(this.options, name, value, fallback);
    this.#changed();
  }

  toggleTheme(): void {
    this.#theme.toggle();
    this.setOption('theme', '', '');
  }

  /** Call whenever the selected image changes. */
  readImage(): Promise<void> {
    return isOwnImage(this.image) ? this.ownImages.ensure() : this.#updates.readImage();
  }

  /** The URL of the current state, without the theme: that is a setting of the browser that opens the link. */
  link(): string {
    return new URL(hashFromUrlState(sharedUrlState(this.#urlState())), location.href).href;
  }

  /** The address of another view of the same state, for links. */
  hrefOf(view: string): string {
    return this.#addressBar.hrefOf(view);
  }

  #urlState(): UrlState {
    return urlStateOf(this, this.run?.id ?? null);
  }

  #changed(replaces = false): void {
    touch();
    if (this.run) this.#addressBar.update(replaces);
  }

  /** Switches to the light theme for printing, and back. */
  print(on: boolean): void {
    this.#theme.print(on);
  }
}
