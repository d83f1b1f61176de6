/**
 * The filter card: which filter it is about, and where it stands. Anything that shows filters, maps or units tells it
 * what the pointer rests on; the shell draws it.
 *
 *   onpointermove:  card.rest({ layer, filter }, box of the filter on the page)
 *   onpointerleave: card.leave()
 *   onclick:        card.keep({ layer, filter }, box)
 */

/** A channel of a layer. */
export interface Unit {
  layer: string;
  filter: number;
  /** Where it is shown as it was at another checkpoint than the one under the playhead. */
  checkpoint?: number;
  /** Whether the unit is of the second run, at the checkpoint under its playhead. */
  run?: 'b';
  /** What it matches in the other of two runs, in words, as they are known now. */
  match?: () => string;
}

/** A box on the page, in pixels of the window. */
export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface CardShown {
  unit: Unit;
  /** The filter that it was opened for, beside which it stands. */
  anchor: Box;
  /** Pinned: it stays until it is closed. */
  kept: boolean;
  /** The units one came from, the first first. */
  path: readonly Unit[];
  /** The value under the pointer, in words. */
  value: string;
}

const REST_MS = 150;
/** The pointer may cross the gap to a neighbour meanwhile. */
const LEAVE_MS = 60;

export const sameUnit = (a: Unit, b: Unit): boolean =>
  a.layer === b.layer && a.filter === b.filter && a.checkpoint === b.checkpoint && a.run === b.run;

export class Card {
  shown = $state.raw<CardShown | null>(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #awaited: Unit | null = null;

  /** The pointer is on a filter: the card opens when it rests, at once where one is open. */
  rest(unit: Unit, anchor: Box, value = ''): void {
    const shown = this.shown;
    if (shown?.kept) return;
    if (shown && sameUnit(shown.unit, unit)) {
      clearTimeout(this.#timer);
      this.#awaited = null;
      if (value !== shown.value) this.shown = { ...shown, value };
      return;
    }
    if (!shown && this.#awaited && sameUnit(this.#awaited, unit)) return;
    clearTimeout(this.#timer);
    const open = () => {
      this.#awaited = null;
      this.shown = { unit, anchor, kept: false, path: [], value };
    };
    if (shown) return open();
    this.#awaited = unit;
    this.#timer = setTimeout(open, REST_MS);
  }

  /** The pointer left the filter. */
  leave(): void {
    clearTimeout(this.#timer);
    this.#awaited = null;
    if (this.shown && !this.shown.kept) this.#timer = setTimeout(() => this.close(), LEAVE_MS);
  }

  /** Pins the card: it stays until it is closed. A card that is pinned already shows the other filter. */
  keep(unit: Unit, anchor: Box): void {
    clearTimeout(this.#timer);
    this.#awaited = null;
    this.shown = { unit, anchor, kept: true, path: [], value: '' };
  }

  /** To a unit that it listens or speaks to; the card stays where it is. */
  walk(unit: Unit): void {
    const { shown } = this;
    if (!shown) return;
    const { checkpoint, run } = shown.unit;
    this.shown = {
      ...shown,
      unit: { ...unit, checkpoint, run },
      kept: true,
      path: [...shown.path, shown.unit],
      value: '',
    };
  }

  /** Back to a unit of the way. */
  back(index: number): void {
    const { shown } = this;
    if (shown?.path[index])
      this.shown = { ...shown, unit: shown.path[index], path: shown.path.slice(0, index), value: '' };
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#awaited = null;
    this.shown = null;
  }
}

/** The one card of the page. */
export const card = new Card();
