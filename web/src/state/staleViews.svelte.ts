/** Views that follow the playhead and still show an earlier checkpoint while the right answer is in flight, by name. */
export class StaleViews {
  #stale = $state.raw<Record<string, number>>({});
  /** An earlier checkpoint that is still shown; null when all views are up to date. */
  readonly shownCheckpoint = $derived.by<number | null>(() => Object.values(this.#stale)[0] ?? null);

  /** Records the checkpoint that a view still shows, or null when it is up to date. */
  mark(view: string, shown: number | null): void {
    if (shown === null ? !(view in this.#stale) : this.#stale[view] === shown) return;
    const stale = { ...this.#stale };
    if (shown === null) delete stale[view];
    else stale[view] = shown;
    this.#stale = stale;
  }
}
