/** Keys over filters that are drawn in rows: arrows move the pin and the card with it, Enter keeps the card. */

/** The tile that a key leads to; null where it leads nowhere. */
export function movePin(cells: { columns: number; tiles: number }, tile: number, key: string): number | null {
  const { columns, tiles } = cells;
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  if (by !== undefined) {
    const to = tile + by;
    return to >= 0 && to < tiles ? to : tile;
  }
  if (key === 'Home') return 0;
  if (key === 'End') return tiles - 1;
  return null;
}

interface Row {
  columns: number;
  tiles: number;
  /** The pinned tile; -1 without one. */
  at: number;
}

interface Acts {
  move: (tile: number) => void;
  keep: (tile: number) => void;
}

/** Handles a key over tiles; true where it was one of theirs. */
export function unitKey(event: KeyboardEvent, { columns, tiles, at }: Row, acts: Acts): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey || tiles === 0) return false;
  if (event.key === 'Enter') {
    if (at < 0) return false;
    acts.keep(at);
  } else {
    const to = movePin({ columns, tiles }, Math.max(0, at), event.key);
    if (to === null) return false;
    acts.move(at < 0 ? 0 : to);
  }
  event.preventDefault();
  event.stopPropagation();
  return true;
}
