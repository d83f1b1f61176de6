/** The connections as tables. Pure. */
import type { ConnectionHistory } from '../../../api/types';
import type { Table } from '../../../state/exportData';
import { connectedOf, placeOf, type Side } from './connections';
import { wordsOf } from './names';

const SAYS: Record<Side, string> = { inputs: 'listens to', outputs: 'speaks to' };

/** The weights at the checkpoint and, where it is one of this run, the reference (else −1), and at every checkpoint. */
export function connectionTables(
  history: ConnectionHistory,
  at: { checkpoint: number; before: number },
  known: Parameters<typeof wordsOf>[1],
): Table[] {
  const name = wordsOf(history.unit, known).long;
  const now = placeOf(history.checkpoints, at.checkpoint);
  const then = at.before < 0 ? -1 : placeOf(history.checkpoints, at.before);
  const all = (['inputs', 'outputs'] as const).flatMap((side) =>
    connectedOf(history, side).map((unit) => ({ side, unit, words: wordsOf(unit, known) })),
  );
  const finite = (value: number | undefined) => (value !== undefined && Number.isFinite(value) ? value : null);
  return [
    {
      name: `Connections of ${name}`,
      head: ['unit', 'the filter', 'weight', 'weight, reference'],
      rows: all.map(({ side, unit, words }) => [
        words.long,
        SAYS[side],
        finite(unit.weights[now]),
        finite(unit.weights[then]),
      ]),
    },
    {
      name: `Weights of ${name} over the checkpoints`,
      head: ['checkpoint', ...all.map(({ side, words }) => `${SAYS[side]} ${words.short}`)],
      rows: history.checkpoints.map((checkpoint, place) => [
        String(checkpoint),
        ...all.map(({ unit }) => finite(unit.weights[place])),
      ]),
    },
  ];
}
