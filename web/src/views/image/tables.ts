/** The numbers of the Image view as tables. Pure. */
import type { ImageLedger } from '../../api/types';
import type { Table } from '../../state/exportSource.svelte';

export function imageTables(input: {
  rows: readonly (readonly number[])[];
  checkpoints: readonly number[];
  /** Checkpoints at which the network predicts nothing any more. */
  diverged: readonly number[];
  names: readonly string[];
  ledger: ImageLedger | null;
}): Table[] {
  const { rows, checkpoints, diverged, names, ledger } = input;
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
  if (ledger?.example)
    out.push({
      name: 'What became of it',
      head: ['fact', 'value'],
      rows: [
        ['learned at checkpoint', ledger.example.learned],
        ['flips', ledger.example.flips],
        ['forgotten', ledger.example.forgotten],
        ['right at checkpoints', ledger.example.right],
        ['margin at last', ledger.example.final_margin],
        ['mean margin', ledger.example.mean_margin],
      ],
    });
  return out;
}
