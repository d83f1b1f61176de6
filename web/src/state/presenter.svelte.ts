/** The presenter: large type, no bars; in the view Story one sentence at a time. In the address as `present` and `story.at`. */

export interface PresenterOwner {
  view: string;
  option(name: string, fallback: string): string;
  setOption(name: string, value: string, fallback?: string): void;
  go(checkpoint: number): void;
}

export class Presenter {
  /** The checkpoint of each sentence, null for one that is about none; null while no view has sentences. */
  slides = $state.raw<(number | null)[] | null>(null);
  readonly #owner: PresenterOwner;

  constructor(owner: PresenterOwner) {
    this.#owner = owner;
  }

  readonly on = $derived.by(() => this.#owner.option('present', '') === '1');
  /** Sentences are walked through, by Space and the arrows. */
  readonly hasSlides = $derived.by(
    () => this.on && this.#owner.view === 'story' && (this.slides?.length ?? 0) > 0,
  );
  /** The sentence that is shown, or was. */
  readonly at = $derived.by(() => {
    const option = Number(this.#owner.option('story.at', '0'));
    const last = Math.max(0, (this.slides?.length ?? 1) - 1);
    return Number.isInteger(option) && option >= 0 ? Math.min(last, option) : 0;
  });

  toggle(): void {
    if (this.on) return this.leave();
    this.#owner.setOption('present', '1', '');
    if (this.hasSlides) this.show(this.at);
  }

  leave(): void {
    this.#owner.setOption('present', '', '');
  }

  /** Shows a sentence; the playhead goes where it is about. */
  show(at: number): void {
    if (!this.slides) return;
    this.#owner.setOption('story.at', String(at), '0');
    const checkpoint = this.slides[at];
    if (checkpoint !== null && checkpoint !== undefined) this.#owner.go(checkpoint);
  }

  /** The next or the previous sentence; at either end it stays. */
  move(by: 1 | -1): void {
    if (!this.hasSlides) return;
    const to = this.at + by;
    if (to >= 0 && to < (this.slides?.length ?? 0)) this.show(to);
  }
}
