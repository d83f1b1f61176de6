/** Where the card of a cell stands: beside it, inside the window. Pure. */
import type { Box } from '../../common/card/card.svelte';

const GAP = 12;
const EDGE = 8;

export function placeBeside(
  cell: Box,
  width: number,
  height: number,
  window: { width: number; height: number },
): { left: number; top: number } {
  const fits = cell.right + GAP + width <= window.width - EDGE;
  const left = Math.max(EDGE, fits ? cell.right + GAP : cell.left - GAP - width);
  const top = Math.max(EDGE, Math.min(cell.bottom + GAP, window.height - height - EDGE));
  return { left: Math.round(left), top: Math.round(top) };
}
