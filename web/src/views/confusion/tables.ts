// The numbers of the confusion view as tables. Pure.
import type { Table } from '../../state/exportData';
import { columnSums, precisions, recalls, rowSums, type Counts } from './matrix/data';

export function confusionTables(
  names: readonly string[],
  now: Counts,
  before: Counts | null,
  reference = 'reference',
): Table[] {
  const n = names.length;
  const rows = rowSums(now, n);
  const columns = columnSums(now, n);
  const [recall, precision] = [recalls(now, n), precisions(now, n)];
  const earlier = before ? recalls(before, n) : null;
  return [
    {
      name: 'Counts',
      head: ['true \\ predicted', ...names],
      rows: names.map((name, i) => [name, ...names.map((_, j) => now[i * n + j])]),
    },
    {
      name: 'Recall and precision',
      head: ['class', 'images', 'predicted', 'recall', `recall, ${reference}`, 'precision'],
      rows: names.map((name, i) => [name, rows[i], columns[i], recall[i], earlier?.[i] ?? null, precision[i]]),
    },
  ];
}
