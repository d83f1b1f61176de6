/** Export of a view: the requests behind it, and its numbers as tables. */

export type Row = (string | number | null)[];

export interface Table {
  name: string;
  head: string[];
  rows: Row[];
  /** The filter that a row is about: its card (views/common/card) opens from the row. */
  unitOf?: (row: Row) => { layer: string; filter: number };
}

export interface ExportData {
  /** Absolute addresses. */
  requests: string[];
  tables: Table[];
}
