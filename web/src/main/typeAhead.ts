/**
 * Keys that are typed before the field they are meant for has the focus (it belongs to a view that is being opened).
 * They are buffered from the request for the field until it exists, and never taken for commands.
 */
export class TypeAhead {
  #typed: string | null = null;
  #frame = 0;
  #until = 0;
  readonly #find: () => HTMLInputElement | null;

  constructor(find: () => HTMLInputElement | null) {
    this.#find = find;
  }

  /** Requests the field, which is looked for in every frame until it exists or the time limit has passed. */
  begin(patience_ms = 10_000): void {
    cancelAnimationFrame(this.#frame);
    this.#typed = '';
    this.#until = performance.now() + patience_ms;
    this.#look();
  }

  /** Takes a key press for the field; false where none is waited for, or the key is none that writes. */
  take(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey'>): boolean {
    if (this.#typed === null || event.ctrlKey || event.metaKey || event.altKey) return false;
    if (event.key === 'Escape') this.end();
    else if (event.key === 'Backspace') this.#typed = this.#typed.slice(0, -1);
    else if (event.key.length === 1) this.#typed += event.key;
    else return false;
    return true;
  }

  /** The field is no longer waited for. */
  end(): void {
    cancelAnimationFrame(this.#frame);
    this.#typed = null;
  }

  #look = (): void => {
    if (this.#typed === null) return;
    const field = this.#find();
    if (!field) {
      if (performance.now() < this.#until) this.#frame = requestAnimationFrame(this.#look);
      else this.end();
      return;
    }
    const text = this.#typed;
    this.end();
    field.focus();
    // The former search text is replaced.
    if (!text) return field.select();
    field.value = text;
    field.dispatchEvent(new Event('input', { bubbles: true }));
  };
}
