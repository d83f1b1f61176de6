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
import { listen, type RunEvents } from '../api/events';
import * as routes from '../api/routes';
import type { Checkpoint, ImageDetail, Layer, Metrics, Run, RunSummary } from '../api/types';
import { begin, end, touch } from '../base/idle';
import { firstEpoch, readable, restingPlace } from './checkpoints';
import { joinMetrics } from './metrics';
import type { Offer } from './offer.svelte';
import { Marked } from './marked.svelte';
import { hashFromPlace, isJourney, nowhere, placeFromHash, type Place } from './place';
import { Player } from './player.svelte';
import { Predictions } from './predictions.svelte';
import { initialTheme, rememberTheme, showTheme, type Theme } from './theme';
import { Tiles } from './tiles.svelte';

export type { Theme } from './theme';

export interface Choice {
  view?: string;
  layer?: string;
  filter?: number | null;
  channel?: number | null;
  image?: number;
  before?: number;
}

export class Store {
  runs = $state.raw<RunSummary[]>([]);
  run = $state.raw<Run | null>(null);
  metrics = $state.raw<Metrics | null>(null);
  /** Why there is nothing to show; null while all is well. */
  failure = $state.raw<unknown>(null);
  reachable = $state(true);
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
  /** Pictures on their way: what each reader of the clock still shows, by its name. */
  late = $state.raw<Record<string, number>>({});

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
  readonly classChosen = $derived.by<number | null>(() => {
    const said = this.options.class;
    return said !== undefined && /^\d{1,6}$/.test(said) && Number(said) < (this.run?.classes.length ?? 0)
      ? Number(said)
      : null;
  });
  readonly layerInfo = $derived<Layer | null>(this.run?.layers.find((l) => l.name === this.layer) ?? null);
  /** The newest checkpoint any picture still shows while the right one is on its way; null when all are right. */
  readonly showing = $derived.by<number | null>(() => {
    const shown = Object.values(this.late);
    return shown.length ? shown[0] : null;
  });

  #wanted: Place = nowhere();
  #written: Place = nowhere();
  /** The place as the address last said it: links follow at that pace, not at every step of the playhead. */
  #settled = $state.raw<Place>(nowhere());
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hush: (() => void) | undefined;
  #refreshing: Promise<void> | null = null;
  #again = false;
  #imagesTimer: ReturnType<typeof setTimeout> | undefined;
  #imagesWait_ms = 1000;

  /** Reads the address, finds the run, begins to listen. */
  async start(): Promise<void> {
    this.#wanted = placeFromHash(location.hash);
    this.#setTheme(initialTheme(this.#wanted.options.theme));
    addEventListener('popstate', () => void this.#arrive(placeFromHash(location.hash)));
    await this.#open(this.#wanted);
  }

  async #open(place: Place): Promise<void> {
    this.failure = null;
    try {
      // The run that the address names is asked for along with the list: most often it is there.
      const early = place.run === null ? null : routes.runDetail(place.run).catch(() => null);
      this.runs = (await routes.runs()).runs;
      this.started = true;
      const id =
        this.runs.find((r) => r.id === place.run)?.id ?? (place.run === null ? this.runs[0]?.id : undefined);
      if (!id) {
        this.run = null;
        if (place.run !== null) throw new Error(`There is no run “${place.run}” here.`);
        // None yet: one that begins to train appears by itself.
        setTimeout(() => void this.#open(place), 2000);
        return;
      }
      const run = (id === place.run && (await early)) || (await routes.runDetail(id));
      this.#listen(id);
      this.metrics = null;
      this.predictions.forget();
      this.tiles.forget(run.corpus);
      this.imageDetail = null;
      this.run = run;
      this.#apply(place);
      this.#awaitImages();
      this.metrics = await routes.metrics(id);
    } catch (error) {
      this.failure = error;
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
    const points = run.checkpoints;
    const newest = restingPlace(points, points.length - 1);
    this.follow =
      place.checkpoint === 'last' || (place.checkpoint === null && (run.live || points.length === 0));
    this.view = place.view ?? 'filters';
    this.checkpoint =
      this.follow || place.checkpoint === null ? newest : Math.min(points.length - 1, Number(place.checkpoint));
    this.before = Math.min(place.before ?? firstEpoch(points), Math.max(0, points.length - 1));
    const weighted = run.layers.find((l) => l.weight_shape);
    this.layer =
      run.layers.find((l) => l.name === place.layer)?.name ?? weighted?.name ?? run.layers[0]?.name ?? '';
    const filters = this.layerInfo?.filters ?? 0;
    this.filter =
      place.filter === 'none' ? null : place.filter !== null && place.filter < filters ? place.filter : 0;
    this.channel = place.channel;
    const images = run.corpus.images;
    this.image =
      place.image !== null && place.image < images
        ? place.image
        : images > 0
          ? Math.min(images - 1, run.corpus.train)
          : null;
    this.options = Marked.remembered(run.id, place.options);
    this.held = null;
    if (place.options.theme === 'dark' || place.options.theme === 'light') this.#setTheme(place.options.theme);
    this.#settled = this.#written = this.#place();
    history.replaceState(null, '', hashFromPlace(this.#written));
    touch();
  }

  /* --- moving --- */

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
    if (!points.length) return;
    const target = points[this.checkpoint].epoch + by - by * 1e-6;
    let to = this.checkpoint;
    do to += by;
    while (
      to > 0 &&
      to < points.length - 1 &&
      (by > 0 ? points[to].epoch < target : points[to].epoch > target)
    );
    this.go(restingPlace(points, to));
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
    const options = { ...this.options };
    delete options.theme;
    this.options = options;
    rememberTheme(this.theme);
    this.#changed();
  }

  /** Called by the shell whenever the selected image changes. */
  async readImage(): Promise<void> {
    const { run, image } = this;
    if (!run?.corpus.available || image === null || this.imageDetail?.id === image) return;
    try {
      const detail = await routes.image(run.corpus.id, image);
      if (this.image === image && this.run?.id === run.id) this.imageDetail = detail;
    } catch {
      this.imageDetail = null;
    }
  }

  /** The address of exactly what is on the screen. */
  link(): string {
    const place = this.#place();
    return new URL(hashFromPlace({ ...place, options: { ...place.options, theme: this.theme } }), location.href)
      .href;
  }

  /** The address of another view of the same place, for links. */
  hrefOf(view: string): string {
    return hashFromPlace({ ...this.#settled, view });
  }

  /** A reader of the clock tells what it still shows while its picture is on the way, or null when it is right. */
  setLate(reader: string, shown: number | null): void {
    if (shown === null ? !(reader in this.late) : this.late[reader] === shown) return;
    const late = { ...this.late };
    if (shown === null) delete late[reader];
    else late[reader] = shown;
    this.late = late;
  }

  #place(): Place {
    return {
      run: this.run?.id ?? null,
      view: this.view,
      checkpoint: this.follow ? 'last' : (this.held ?? this.checkpoint),
      before: this.before,
      layer: this.layer || null,
      filter: this.filter === null ? 'none' : this.filter,
      channel: this.channel,
      image: this.image,
      options: this.options,
    };
  }

  /** The address follows at its own pace: browsers refuse too many changes a second. */
  #changed(): void {
    touch();
    if (!this.run) return;
    const place = this.#place();
    if (isJourney(this.#written, place)) {
      this.#settled = this.#written = place;
      history.pushState(null, '', hashFromPlace(place));
      return;
    }
    // An address that is still to be written counts as work: a test that reads it waits for it.
    if (this.#timer === undefined) begin();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#settled = this.#written = this.#place();
      history.replaceState(null, '', hashFromPlace(this.#written));
      end();
    }, 150);
  }

  #setTheme(theme: Theme): void {
    this.theme = theme;
    showTheme(theme);
  }

  /* --- a run that grows --- */

  #listen(id: string): void {
    this.#hush?.();
    this.#hush = listen(id, {
      reachable: (yes) => {
        if (yes && !this.reachable) void this.refresh();
        this.reachable = yes;
      },
      event: (name, data) => this.#hear(name, data),
    });
  }

  #hear<K extends keyof RunEvents>(name: K, data: RunEvents[K]): void {
    void data;
    if (name === 'run') void this.#readRuns();
    else {
      if (name === 'statistics' || name === 'reload') this.statistics += 1;
      void this.refresh();
    }
  }

  async #readRuns(): Promise<void> {
    try {
      this.runs = (await routes.runs()).runs;
    } catch {
      // The list is read again when the next run appears.
    }
  }

  /** Reads the run again; several requests at once become one more. */
  refresh(): Promise<void> {
    if (this.#refreshing) {
      this.#again = true;
      return this.#refreshing;
    }
    this.#refreshing = this.#refresh().finally(() => {
      this.#refreshing = null;
      if (this.#again) {
        this.#again = false;
        setTimeout(() => void this.refresh(), 300);
      }
    });
    return this.#refreshing;
  }

  /** A server that has just started is still reading the images: look again until they are there. */
  #awaitImages(): void {
    clearTimeout(this.#imagesTimer);
    const run = this.run;
    if (!run || run.corpus.available) {
      this.#imagesWait_ms = 1000;
      if (run && this.imageDetail === null) void this.readImage();
      return;
    }
    this.#imagesTimer = setTimeout(() => void this.refresh(), this.#imagesWait_ms);
    this.#imagesWait_ms = Math.min(30_000, this.#imagesWait_ms * 1.5);
  }

  async #refresh(): Promise<void> {
    const id = this.run?.id;
    if (!id) return;
    try {
      const since = this.metrics?.train.step.at(-1);
      const [run, news] = await Promise.all([routes.runDetail(id), routes.metrics(id, since)]);
      if (this.run?.id !== id) return;
      const sameHashes = run.checkpoints.every(
        (c, i) => !this.run?.checkpoints[i] || this.run.checkpoints[i].hash === c.hash,
      );
      this.run = run;
      this.tiles.forget(run.corpus);
      this.#awaitImages();
      if (!sameHashes) this.predictions.forget();
      this.metrics = this.metrics ? joinMetrics(this.metrics, news) : news;
      if (this.follow) this.moveTo(restingPlace(run.checkpoints, this.last));
      else if (this.checkpoint > this.last) this.moveTo(this.last);
    } catch {
      // The event source reports and retries; the picture of the run simply stays as it was.
    }
  }
}
