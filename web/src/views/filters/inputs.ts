/** The list of a unit's inputs: how many fit, and their bars. Pure. */

export const ROW = 20;
export const COLUMN = 176;
const HEAD = 44;

/** Columns and rows of entries in the room below the weights; no rows where too few would fit. */
export function inputGrid(width: number, height: number): { columns: number; rows: number } {
  const rows = Math.floor((height - HEAD) / ROW);
  return { columns: Math.max(1, Math.floor(width / COLUMN)), rows: rows < 3 ? 0 : rows };
}

/** Start and width of a bar from the middle, 0..1, against the largest weight of the list. */
export function weightBar(weight: number, largest: number): { from: number; width: number } {
  const share = largest > 0 && Number.isFinite(weight) ? Math.min(1, Math.abs(weight) / largest) / 2 : 0;
  return { from: weight < 0 ? 0.5 - share : 0.5, width: share };
}
