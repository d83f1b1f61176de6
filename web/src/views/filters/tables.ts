/** The numbers of the Filters view as tables. Pure. */
import type { Layer, LayerHistory } from '../../api/types';
import type { Table } from '../../state/exportData';
import { networkTable } from './network/table';

export function filterTables(input: {
  layer: string;
  layers: readonly Layer[];
  history: LayerHistory | null;
  checkpoint: number;
  before: number;
  classes: readonly string[];
  said: { now: readonly number[] | null; before: readonly number[] | null };
}): Table[] {
  const { layer, layers, history, checkpoint, before, classes, said } = input;
  const out: Table[] = [];
  const [at, then] = [checkpoint, before].map((c) => history?.checkpoints.indexOf(c) ?? -1);
  if (history && at >= 0)
    out.push({
      name: `Filters of ${layer}`,
      head: ['filter', 'norm', 'norm, reference', 'change', 'bias'],
      rows: history.filters.norm[at].map((norm, k) => {
        const was = history.filters.norm[then]?.[k] ?? null;
        return [
          String(k),
          norm,
          was,
          was === null || norm === null ? null : norm - was,
          history.filters.bias[at]?.[k] ?? null,
        ];
      }),
    });
  const now = said.now;
  if (now)
    out.push({
      name: 'Predicted class',
      head: ['class', 'current', 'reference'],
      rows: classes.map((name, k) => [name, now[k], said.before?.[k] ?? null]),
    });
  out.push(networkTable(layers));
  return out;
}
