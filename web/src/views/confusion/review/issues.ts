// Requests of the possible label errors: a page of the list, or of those of one cell of the matrix.
import { endpoint } from '../../../api/client';
import type { LabelIssues, Split } from '../../../api/types';
import { parseCell, type Cell } from '../matrix/data';

/** What the server answers at most in one request. */
const AT_ONCE = 10_000;

export interface Asked {
  run: string;
  split: Split;
  first: number;
  limit: number;
}

/** The requested page; `total` counts the images of the cell, `whole` all of the split. */
export interface IssuePage extends LabelIssues {
  first: number;
  whole: number;
}

/** The cell that the address narrows the lists to: the pinned one, unless label and prediction agree in it. */
export function narrowingCell(text: string, classes: number): Cell | null {
  const cell = parseCell(text, classes);
  return cell && cell.truth !== cell.predicted ? cell : null;
}

export const issuesOfCell = <T extends { label: number; predicted: number }>(
  items: readonly T[],
  cell: Cell,
): T[] => items.filter((one) => one.label === cell.truth && one.predicted === cell.predicted);

export async function readIssues(asked: Asked, cell: Cell | null, signal: AbortSignal): Promise<IssuePage> {
  const { run, split, first, limit } = asked;
  const page = (limit: number, cursor: string | null) =>
    endpoint('/api/runs/{run}/suspects', { run, split, limit, cursor }).json(signal);
  if (!cell) {
    const answer = await page(limit, first ? String(first) : null);
    return { ...answer, first, whole: answer.total };
  }
  // The server has no list per cell: the whole list is requested.
  let answer = await page(AT_ONCE, null);
  const items = [...answer.items];
  while (answer.next_cursor) {
    answer = await page(AT_ONCE, answer.next_cursor);
    items.push(...answer.items);
  }
  const found = issuesOfCell(items, cell);
  return {
    ...answer,
    items: found.slice(first, first + limit),
    total: found.length,
    first,
    whole: answer.total,
  };
}
