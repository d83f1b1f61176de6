/** Export of a view: the requests behind it, and its numbers as tables. */

export interface Table {
  name: string;
  head: string[];
  rows: (string | number | null)[][];
}

export interface ExportData {
  /** Absolute addresses. */
  requests: string[];
  tables: Table[];
}
