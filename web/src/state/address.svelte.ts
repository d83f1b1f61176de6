/** The address bar as the store writes it: a place that is a journey at once, every other change at its own pace. */
import { begin, end } from '../base/idle';
import { hashFromPlace, isJourney, nowhere, type Place } from './place';

/** Browsers refuse too many changes of the address a second. */
const PACE_MS = 150;

export class Address {
  readonly #here: () => Place;
  #written: Place = nowhere();
  /** The place as the address last said it: links follow at that pace, not at every step of the playhead. */
  #settled = $state.raw<Place>(nowhere());
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(here: () => Place) {
    this.#here = here;
  }

  /** Says the place now, in the present entry of the history. */
  write(): void {
    this.#settled = this.#written = this.#here();
    history.replaceState(null, '', hashFromPlace(this.#written));
  }

  /** The place changed: the address follows. */
  follow(): void {
    const place = this.#here();
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
      this.write();
      end();
    }, PACE_MS);
  }

  /** The address of another view of the same place, for links. */
  hrefOf(view: string): string {
    return hashFromPlace({ ...this.#settled, view });
  }
}
