/** Export of a view: the requests behind it, and its numbers as tables. */

export type Row = (string | number | null)[];

export interface Table {
  name: string;
  head: string[];
  rows: Row[];
  /** The filter that a row is about: it has a card. */
  unitOf?: (row: Row) => { layer: string; filter: number };
}

export interface ExportData {
  /** Absolute addresses. */
  requests: string[];
  tables: Table[];
}
