/** Where the card stands. Pure. */
import type { Box } from './card.svelte';

export const CARD_WIDTH = 460;
/** Narrower windows have it as a sheet from below. */
export const SHEET_BELOW = 500;
const GAP = 12;
const EDGE = 8;

/** Beside the filter, on the side with room, never over it; inside the window. */
export function placeCard(
  anchor: Box,
  height: number,
  window: { width: number; height: number },
): { left: number; top: number } {
  const right = anchor.right + GAP;
  const left = anchor.left - GAP - CARD_WIDTH;
  const fits = right + CARD_WIDTH <= window.width - EDGE;
  const most = Math.max(EDGE, window.width - CARD_WIDTH - EDGE);
  // On neither side is there room beside a wide filter: then at the side of the window that covers less of it.
  const x = fits || left < EDGE ? Math.min(right, most) : left;
  const y = Math.max(EDGE, Math.min(anchor.top - 24, window.height - height - EDGE));
  return { left: Math.round(x), top: Math.round(y) };
}
