/** The page's numbers as a table. Pure. */
import type { Table } from '../../../state/exportData';

interface Found {
  layer: string;
  checkpoint: number;
  value: number | null;
}

export const rememberedTable = (found: readonly Found[]): Table => ({
  name: 'What layers remember',
  head: ['layer', 'checkpoint', 'distance that is left, share'],
  rows: found.map(({ layer, checkpoint, value }) => [layer, checkpoint, value]),
});
