/** Where the card stands. Pure. */
import type { Box } from './card.svelte';

export const CARD_WIDTH = 460;
/** Of it the two halves, which are as wide as their text is large; the rest is padding and the gap between them. */
const HALVES = { left: 211, right: 193 };
export function cardSizes(text: number): { width: number; left: number; right: number } {
  const [left, right] = [Math.round(HALVES.left * text), Math.round(HALVES.right * text)];
  return { width: CARD_WIDTH - HALVES.left - HALVES.right + left + right, left, right };
}
/** In narrower windows the card is a bottom sheet. */
export const SHEET_BELOW = 500;
export const GAP = 12;
const EDGE = 8;

interface Size {
  width: number;
  height: number;
}

/** Beside what it is about, on the side with room, never over it; inside the window. `top` is where it would begin. */
export function placeBeside(
  anchor: Box,
  { width, height }: Size,
  top: number,
  window: Size,
): { left: number; top: number } {
  const right = anchor.right + GAP;
  const left = anchor.left - GAP - width;
  const fits = right + width <= window.width - EDGE;
  const max = Math.max(EDGE, window.width - width - EDGE);
  // On neither side is there room beside a wide filter: then at the side of the window that covers less of it.
  const x = fits || left < EDGE ? Math.min(right, max) : left;
  const y = Math.max(EDGE, Math.min(top, window.height - height - EDGE));
  return { left: Math.round(x), top: Math.round(y) };
}

/** The filter card, a little above the top of its filter. */
export const placeCard = (
  anchor: Box,
  { width = CARD_WIDTH, height }: { width?: number; height: number },
  window: Size,
): { left: number; top: number } => placeBeside(anchor, { width, height }, anchor.top - 24, window);
