/** The numbers of the Image view as a table. Pure. */
import type { Table } from '../../state/offer.svelte';

export const imageTables = (
  rows: readonly (readonly number[])[],
  checkpoints: readonly number[],
  names: readonly string[],
): Table[] =>
  rows.length
    ? [
        {
          name: 'Probabilities',
          head: ['checkpoint', ...names],
          rows: rows.map((row, n) => [String(checkpoints[n]), ...row]),
        },
      ]
    : [];
