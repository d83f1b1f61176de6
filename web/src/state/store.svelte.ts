/**
 * The one store. Every view receives it as the prop `store` and follows it; nothing else remembers.
 *
 * For a view:
 * - Read `store.run` (never null inside a view), `store.checkpoint`, `store.before` (indices), `store.now`, `store.then`
 *   (their `Checkpoint` entries), `store.layer` / `store.layerInfo`, `store.filter`, `store.channel`, `store.image`.
 *   All are runes: use them in `$derived` and `$effect`.
 * - Change with `store.go(c)`, `store.choose({ layer, filter, channel, image, before, view })`,
 *   `store.setOption(name, value, default)`. The address, the history and all other views follow.
 * - What a view asks of the server goes through `resource()` (resource.svelte.ts): latest wish wins, the old value
 *   stays until the new one is there. Pictures of layers: `sheets()` (sheets.svelte.ts). Corpus images: `store.tiles`
 *   through `<Thumbs>` (views/common), which never flickers.
 * - Probabilities of the selected image at any checkpoint: `store.predictions.at(c)`.
 * - `store.statistics` grows when statistics of this run became ready: use it in a resource's key.
 * - `store.direction` is the way the playhead last moved (1 or -1): prefetch that way first.
 */
import type { Checkpoint, ImageDetail, Layer, Metrics, Run, RunProblem, RunSummary } from '../api/types';
import { touch } from '../base/idle';
import { Address } from './address.svelte';
import { arrival, placeOf } from './arrival';
import { Comeback } from './connection.svelte';
import { epochAway, readable, restingPlace } from './checkpoints';
import { Feed } from './feed.svelte';
import { findRun } from './finding';
import { Marked } from './marked.svelte';
import type { Offer } from './offer.svelte';
import { chosenClass, hashFromPlace, nowhere, placeFromHash, type Place } from './place';
import { Player } from './player.svelte';
import { Predictions } from './predictions.svelte';
import { Readers } from './readers.svelte';
import { initialTheme, rememberTheme, showTheme, type Theme } from './theme';
import { Tiles } from './tiles.svelte';

export interface Choice {
  view?: string;
  layer?: string;
  filter?: number | null;
  channel?: number | null;
  image?: number;
  before?: number;
}

/** So often a folder without runs is looked into. */
const LOOK_MS = 2000;

export class Store {
  runs = $state.raw<RunSummary[]>([]);
  /** Folders that look like runs and cannot be opened. */
  unopened = $state.raw<RunProblem[]>([]);
  run = $state.raw<Run | null>(null);
  metrics = $state.raw<Metrics | null>(null);
  /** Why there is nothing to show; null while all is well. */
  failure = $state.raw<unknown>(null);
  /** True once the list of runs was read, whatever it held. */
  started = $state(false);
  /** The selected image as the corpus knows it; null while it is being read. */
  imageDetail = $state.raw<ImageDetail | null>(null);

  /** Known from the address at once, so that no other view is opened first. */
  view = $state(placeFromHash(globalThis.location?.hash ?? '').view ?? 'filters');
  checkpoint = $state(0);
  before = $state(0);
  layer = $state('');
  filter = $state<number | null>(0);
  channel = $state<number | null>(null);
  image = $state<number | null>(null);
  options = $state.raw<Record<string, string>>({});
  follow = $state(false);
  theme = $state<Theme>('dark');
  direction = $state<1 | -1>(1);
  /** While a key is held, every view shows the checkpoint “before”; this is where the playhead returns to. */
  held = $state<number | null>(null);
  statistics = $state(0);
  /** What the view on the screen lets one take away (offer.svelte.ts). */
  offer = $state.raw<(() => Offer) | null>(null);

  readonly player = new Player(this);
  readonly marks = new Marked(this);
  readonly predictions = new Predictions(this);
  readonly tiles = new Tiles(this);

  readonly last = $derived(Math.max(0, (this.run?.checkpoints.length ?? 1) - 1));
  readonly now = $derived<Checkpoint | null>(this.run?.checkpoints[this.checkpoint] ?? null);
  readonly then = $derived<Checkpoint | null>(this.run?.checkpoints[this.before] ?? null);
  readonly imageClass = $derived(
    this.imageDetail?.id === this.image ? (this.imageDetail?.class ?? null) : null,
  );
  /** The class chosen anywhere (a row of the matrix, a bar): views that list images hold to it. */
  readonly classChosen = $derived(chosenClass(this.options, this.run?.classes.length ?? 0));
  readonly layerInfo = $derived<Layer | null>(this.run?.layers.find((l) => l.name === this.layer) ?? null);
  readonly #address = new Address(() => this.#place());
  readonly #feed = new Feed(this);
  readonly #readers = new Readers();
  #look: ReturnType<typeof setTimeout> | undefined;
  readonly #comeback = new Comeback(() => this.retry());
  #onScreen: Theme | null = null;
  #wanted: Place = nowhere();

  /** A checkpoint some picture still shows while the right one is on its way; null when all are right. */
  get showing(): number | null {
    return this.#readers.showing;
  }

  /** Reads the address, finds the run, begins to listen. */
  async start(): Promise<void> {
    this.#wanted = placeFromHash(location.hash);
    this.#setTheme(initialTheme(this.#wanted.options.theme));
    this.#feed.begin();
    addEventListener('popstate', () => void this.#arrive(placeFromHash(location.hash)));
    await this.#open(this.#wanted);
  }

  async #open(place: Place): Promise<void> {
    this.failure = null;
    this.#comeback.done();
    try {
      const { runs, problems, run } = await findRun(place.run);
      this.runs = runs;
      this.unopened = problems;
      this.started = true;
      if (!run) {
        this.run = null;
        // None yet, or not this one: one that begins to train appears by itself.
        this.#feed.follow(null);
        if (place.run !== null) throw new Error(`There is no run “${place.run}” here.`);
        clearTimeout(this.#look);
        this.#look = setTimeout(() => void this.#open(place), LOOK_MS);
        return;
      }
      this.metrics = null;
      this.predictions.forget();
      this.tiles.forget(run.corpus);
      this.imageDetail = null;
      this.run = run;
      this.#apply(place);
      this.#feed.follow(run);
      this.#feed.awaitImages();
      // With the curves comes whatever was written since.
      void this.#feed.readMetrics();
    } catch (error) {
      if (!this.run) this.#feed.follow(null);
      // While the server is away, the run that is open stays on the screen.
      if (!this.#comeback.failed(error)) this.failure = error;
    }
  }

  /** Try again after a failure. */
  retry(): void {
    void this.#open(this.#wanted);
  }

  async chooseRun(id: string): Promise<void> {
    this.player.stop();
    const same: Place = {
      ...this.#place(),
      run: id,
      checkpoint: this.follow ? 'last' : null,
      before: null,
      image: null,
      // The number of a cluster means nothing in another run.
      options: Object.fromEntries(Object.entries(this.options).filter(([name]) => name !== 'clusters.open')),
    };
    this.#wanted = same;
    await this.#open(same);
  }

  /** Back and forward, or an address typed by hand. */
  async #arrive(place: Place): Promise<void> {
    this.#wanted = place;
    if (place.run !== null && place.run !== this.run?.id) return this.#open(place);
    this.#apply(place);
  }

  /** Takes a place over, filling in what it does not say. */
  #apply(place: Place): void {
    const run = this.run;
    if (!run) return;
    Object.assign(this, arrival(place, run));
    this.options = Marked.remembered(run.id, place.options);
    this.held = null;
    if (place.options.theme === 'dark' || place.options.theme === 'light') this.#setTheme(place.options.theme);
    this.#address.write();
    touch();
  }

  /** Go to a checkpoint because someone asked to: stops playing and following. */
  go(checkpoint: number): void {
    this.player.stop();
    this.follow = false;
    this.moveTo(checkpoint);
  }

  /** Move the playhead (the player and the live run use this). */
  moveTo(checkpoint: number): void {
    const to = Math.min(this.last, Math.max(0, Math.round(checkpoint)));
    this.held = null;
    if (to !== this.checkpoint) this.direction = to > this.checkpoint ? 1 : -1;
    this.checkpoint = to;
    this.#changed();
  }

  /** One readable checkpoint on or back; gaps are stepped over. */
  step(by: 1 | -1): void {
    this.go(readable(this.run?.checkpoints ?? [], this.checkpoint, by));
  }

  /** About one epoch on or back. */
  stepEpoch(by: 1 | -1): void {
    const points = this.run?.checkpoints ?? [];
    if (points.length) this.go(epochAway(points, this.checkpoint, by));
  }

  setFollow(on: boolean): void {
    this.player.stop();
    this.follow = on;
    if (on) this.moveTo(restingPlace(this.run?.checkpoints ?? [], this.last));
    this.#changed();
  }

  choose(choice: Choice): void {
    if (choice.view !== undefined) this.view = choice.view;
    if (choice.layer !== undefined && choice.layer !== this.layer) {
      this.layer = choice.layer;
      const filters = this.layerInfo?.filters ?? 0;
      if (this.filter !== null && this.filter >= filters) this.filter = 0;
      this.channel = null;
    }
    if (choice.filter !== undefined) this.filter = choice.filter;
    if (choice.channel !== undefined) this.channel = choice.channel;
    if (choice.image !== undefined) this.image = choice.image;
    if (choice.before !== undefined) this.before = choice.before;
    this.#changed();
  }

  /** Choose a class everywhere; the same again lets it go. */
  chooseClass(index: number | null): void {
    const same = index === null || index === this.classChosen;
    this.setOption('class', same ? '' : String(index), '');
  }

  /** Look at “before” in every view for as long as a key is held; the address stays. */
  blink(on: boolean): void {
    if (on === (this.held !== null) || !this.run) return;
    if (on) {
      this.player.stop();
      this.held = this.checkpoint;
      this.checkpoint = this.before;
    } else {
      this.checkpoint = this.held ?? this.checkpoint;
      this.held = null;
    }
    touch();
  }

  swap(): void {
    const { checkpoint, before } = this;
    this.player.stop();
    this.follow = false;
    this.before = checkpoint;
    this.moveTo(before);
  }

  option(name: string, otherwise: string): string {
    return this.options[name] ?? otherwise;
  }

  setOption(name: string, value: string, otherwise?: string): void {
    const options = { ...this.options };
    if (value === otherwise) delete options[name];
    else options[name] = value;
    this.options = options;
    this.#changed();
  }

  toggleTheme(): void {
    this.#setTheme(this.theme === 'dark' ? 'light' : 'dark');
    rememberTheme(this.theme);
    this.setOption('theme', '', '');
  }

  /** Called by the shell whenever the selected image changes. */
  readImage(): Promise<void> {
    return this.#feed.readImage();
  }

  /** The address of exactly what is on the screen. */
  link(): string {
    const place = this.#place();
    return new URL(
      hashFromPlace({ ...place, options: { ...place.options, theme: this.#onScreen ?? this.theme } }),
      location.href,
    ).href;
  }

  /** The address of another view of the same place, for links. */
  hrefOf(view: string): string {
    return this.#address.hrefOf(view);
  }

  /** A reader of the clock tells what it still shows while its picture is on the way, or null when it is right. */
  setLate(reader: string, shown: number | null): void {
    this.#readers.set(reader, shown);
  }

  #place(): Place {
    return placeOf(this, this.run?.id ?? null);
  }

  #changed(): void {
    touch();
    if (this.run) this.#address.follow();
  }

  /** On paper everything is drawn on white; afterwards as it was. */
  print(on: boolean): void {
    if (on) this.#onScreen ??= this.theme;
    if (this.#onScreen) this.#setTheme(on ? 'light' : this.#onScreen);
    if (!on) this.#onScreen = null;
  }

  #setTheme(theme: Theme): void {
    this.theme = theme;
    showTheme(theme);
  }
}
