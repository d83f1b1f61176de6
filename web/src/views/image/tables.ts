/** The numbers of the Image view as tables for export. A pure function. */
import type { ImageExampleStats } from '../../api/types';
import type { Table } from '../../state/exportData';

export function imageTables(input: {
  /** Class probabilities of the image, a row for each of `checkpoints`. */
  rows: readonly (readonly number[])[];
  checkpoints: readonly number[];
  /** Checkpoints at which training had diverged: they have no probabilities. */
  diverged: readonly number[];
  /** Class names, in the order of the probabilities. */
  names: readonly string[];
  /** Statistics of the image over all checkpoints; null while they are loading. */
  exampleStats: ImageExampleStats | null;
}): Table[] {
  const { rows, checkpoints, diverged, names, exampleStats } = input;
  const tables: Table[] = [];
  if (rows.length)
    tables.push({
      name: 'Probabilities',
      head: ['checkpoint', ...names],
      rows: [
        ...rows.map((row, index): Table['rows'][number] => [String(checkpoints[index]), ...row]),
        ...diverged.map((checkpoint) => [String(checkpoint), ...names.map(() => 'diverged')]),
      ],
    });
  if (exampleStats?.example)
    tables.push({
      name: 'Image history',
      head: ['fact', 'value'],
      rows: [
        ['first correct at checkpoint', exampleStats.example.learned],
        ['prediction changes', exampleStats.example.flips],
        ['forgotten', exampleStats.example.forgotten],
        ['correct at checkpoints', exampleStats.example.right],
        ['final margin', exampleStats.example.final_margin],
        ['mean margin', exampleStats.example.mean_margin],
      ],
    });
  return tables;
}
