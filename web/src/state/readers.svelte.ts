/** What readers of the clock (sheets, resources) still show while the right picture is on its way, by their names. */
export class Readers {
  #late = $state.raw<Record<string, number>>({});
  /** A checkpoint that is still shown in place of the playhead's; null when all pictures are right. */
  readonly showing = $derived.by<number | null>(() => Object.values(this.#late)[0] ?? null);

  /** A reader tells what it still shows, or null when it is right. */
  set(reader: string, shown: number | null): void {
    if (shown === null ? !(reader in this.#late) : this.#late[reader] === shown) return;
    const late = { ...this.#late };
    if (shown === null) delete late[reader];
    else late[reader] = shown;
    this.#late = late;
  }
}
