/** Writes the URL state into the address bar: a new history entry at once, every other change throttled. */
import { begin, end } from '../base/idle';
import { hashFromUrlState, pushesHistory, emptyUrlState, type UrlState } from './urlState';

/** Browsers limit the number of history changes per second. */
const DELAY_MS = 150;

export class AddressBar {
  readonly #current: () => UrlState;
  #written: UrlState = emptyUrlState();
  /** The state as last written: links change that often, not at every step of the playhead. */
  #settled = $state.raw<UrlState>(emptyUrlState());
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(current: () => UrlState) {
    this.#current = current;
  }

  /** Writes the state now, into the present history entry. */
  write(): void {
    this.#settled = this.#written = this.#current();
    history.replaceState(null, '', hashFromUrlState(this.#written));
  }

  /** Schedules the write after a change of the state; with `replaces` it never becomes a history entry of its own. */
  update(replaces = false): void {
    const state = this.#current();
    if (!replaces && pushesHistory(this.#written, state)) {
      this.#settled = this.#written = state;
      history.pushState(null, '', hashFromUrlState(state));
      return;
    }
    // A pending write counts as work: a test that reads the address waits for it.
    if (this.#timer === undefined) begin();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.write();
      end();
    }, DELAY_MS);
  }

  /** The address of another view of the same state, for links. */
  hrefOf(view: string): string {
    return hashFromUrlState({ ...this.#settled, view });
  }
}
