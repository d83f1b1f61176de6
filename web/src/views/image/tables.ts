/** The numbers of the Image view as tables. Pure. */
import type { ImageExampleStats } from '../../api/types';
import type { Table } from '../../state/exportData';

export function imageTables(input: {
  rows: readonly (readonly number[])[];
  checkpoints: readonly number[];
  /** Checkpoints at which the network predicts nothing any more. */
  diverged: readonly number[];
  names: readonly string[];
  exampleStats: ImageExampleStats | null;
}): Table[] {
  const { rows, checkpoints, diverged, names, exampleStats } = input;
  const out: Table[] = [];
  if (rows.length)
    out.push({
      name: 'Probabilities',
      head: ['checkpoint', ...names],
      rows: [
        ...rows.map((row, n): Table['rows'][number] => [String(checkpoints[n]), ...row]),
        ...diverged.map((checkpoint) => [String(checkpoint), ...names.map(() => 'diverged')]),
      ],
    });
  if (exampleStats?.example)
    out.push({
      name: 'What became of it',
      head: ['fact', 'value'],
      rows: [
        ['learned at checkpoint', exampleStats.example.learned],
        ['flips', exampleStats.example.flips],
        ['forgotten', exampleStats.example.forgotten],
        ['right at checkpoints', exampleStats.example.right],
        ['margin at last', exampleStats.example.final_margin],
        ['mean margin', exampleStats.example.mean_margin],
      ],
    });
  return out;
}
