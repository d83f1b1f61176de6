/** The order of a table's rows by one of its columns. Pure. */
import type { Table } from '../state/exportData';

export interface Sorting {
  column: number;
  descending: boolean;
}

const compare = (a: string | number, b: string | number): number =>
  typeof a === 'number' && typeof b === 'number'
    ? a - b
    : String(a).localeCompare(String(b), 'en', { numeric: true });

/** The sorted rows; missing values last in either direction, stable for equal ones. */
export function sorted(rows: Table['rows'], sorting: Sorting | null): Table['rows'] {
  if (!sorting) return rows;
  const { column, descending } = sorting;
  return [...rows].sort((one, other) => {
    const [a, b] = [one[column] ?? null, other[column] ?? null];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return descending ? compare(b, a) : compare(a, b);
  });
}

/** The next sorting after a click on a column's head: descending, ascending, none. */
export function pressed(sorting: Sorting | null, column: number): Sorting | null {
  if (sorting?.column !== column) return { column, descending: true };
  return sorting.descending ? { column, descending: false } : null;
}
