/**
 * Print layout of a view: on white, as wide as on the screen, scaled down to the paper. Views are laid out by measured
 * sizes, and nothing is measured while a page is printed.
 */
import { flushSync } from 'svelte';
import type { Store } from '../state/store.svelte';

/** Printable width of A4 and Letter in landscape, within the margins of base.css, in CSS pixels. */
const PAPER_PX = 976;

/** Scale of a printed view; 1 for one that is narrower than the paper. */
export const paperScale = (width_px: number): number => Math.min(1, PAPER_PX / Math.max(1, width_px));

export function enterPrintLayout(store: Store): void {
  const root = document.documentElement;
  const main = document.querySelector('main');
  const width = main?.clientWidth ?? PAPER_PX;
  root.style.setProperty('--paper-width', `${width}px`);
  root.style.setProperty('--paper-height', `${main?.clientHeight ?? 0}px`);
  root.style.setProperty('--paper-scale', String(paperScale(width)));
  // Canvases with theme colours are redrawn at once, not in the next frame.
  flushSync(() => store.print(true));
}

export function leavePrintLayout(store: Store): void {
  store.print(false);
}
