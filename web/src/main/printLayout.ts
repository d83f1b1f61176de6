/**
 * Printing a view: on white, as wide as it is on the screen, made as small as the paper asks. Views lay themselves out by
 * the room that was measured, and nothing is measured while a page is printed.
 */
import { flushSync } from 'svelte';
import type { Store } from '../state/store.svelte';

/** What is printed on of A4 and of Letter, lying, within the margins of base.css, in CSS pixels. */
const PAPER_PX = 976;

/** How much smaller a view becomes; one that is narrower than the paper stays as it is. */
export const paperScale = (width_px: number): number => Math.min(1, PAPER_PX / Math.max(1, width_px));

export function toPaper(store: Store): void {
  const root = document.documentElement;
  const main = document.querySelector('main');
  const width = main?.clientWidth ?? PAPER_PX;
  root.style.setProperty('--paper-width', `${width}px`);
  root.style.setProperty('--paper-height', `${main?.clientHeight ?? 0}px`);
  root.style.setProperty('--paper-scale', String(paperScale(width)));
  // What is drawn with the colours of the theme is drawn anew at once, not in the next frame.
  flushSync(() => store.print(true));
}

export function fromPaper(store: Store): void {
  store.print(false);
}
