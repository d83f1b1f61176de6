/** The numbers of the Filters view as tables. Pure. */
import type { Layer, LayerAblation, LayerActivity, LayerHistory } from '../../api/types';
import { signed } from '../../base/format';
import type { Row, Table } from '../../state/exportData';
import { stateOf } from '../common/activity';
import { NOTHING_BELOW, classColumns } from '../common/card/classColumns';
import { mapOf } from './activity';
import { networkTable } from './network/table';

/** What the tables are made of. */
interface TableInput {
  layer: string;
  layers: readonly Layer[];
  history: LayerHistory | null;
  /** Of the filters at the checkpoint; null where it is not known. */
  activity: LayerActivity | null;
  checkpoint: number;
  /** The checkpoint of the reference. */
  before: number;
  classes: readonly string[];
  prediction: { now: readonly number[] | null; before: readonly number[] | null; reference?: string };
  /** What each class loses without each filter; null where that is not asked. */
  effects?: LayerAblation | null;
}

export function filterTables(input: TableInput): Table[] {
  const { layer, layers, history, activity, checkpoint, before, classes, prediction } = input;
  const out: Table[] = [];
  const [at, then] = [checkpoint, before].map((c) => history?.checkpoints.indexOf(c) ?? -1);
  if (history && at >= 0)
    out.push({
      name: `Filters of ${layer}`,
      head: [
        'filter',
        'norm',
        'norm, reference',
        'change',
        'bias',
        ...(activity ? ['state', 'active fraction', 'images', 'classes'] : []),
      ],
      unitOf: (row) => ({ layer, filter: Number(row[0]) }),
      rows: history.filters.norm[at].map((norm, k) => {
        const was = history.filters.norm[then]?.[k] ?? null;
        return [
          String(k),
          norm,
          was,
          was === null || norm === null ? null : norm - was,
          history.filters.bias[at]?.[k] ?? null,
          ...(activity ? activityCells(activity, k, classes) : []),
        ];
      }),
    });
  if (input.effects)
    out.push({
      name: `Effect of each filter of ${layer}`,
      head: ['filter without which', ...classes.map((name) => `${name}, change of correct`)],
      unitOf: (row) => ({ layer, filter: Number(row[0]) }),
      rows: input.effects.filters.map(({ zero }, k) => [
        String(k),
        ...zero.lost.map((lost, c) => zero.gained[c] - lost),
      ]),
    });
  const now = prediction.now;
  if (now)
    out.push({
      name: 'Predicted class',
      head: ['class', 'current', prediction.reference ?? 'reference'],
      rows: classes.map((name, k) => [name, now[k], prediction.before?.[k] ?? null]),
    });
  out.push(networkTable(layers));
  return out;
}

/** State, share of positions, share of images, and the classes that stand out, in standard deviations between images. */
function activityCells(activity: LayerActivity, filter: number, classes: readonly string[]): Row {
  const map = mapOf(filter, activity.filters.length);
  const numbers = activity.filters[map];
  if (!numbers) return [null, null, null, null];
  const state = stateOf(activity.health[map], numbers.zeros);
  return [state, 1 - numbers.zeros, numbers.active, classWords(activity, map, classes)];
}

/** Classes that are named at most. */
const MAX_CLASSES = 3;

/** `cat +1.4, dog +0.9`: the classes whose mean lies farthest from that of all, in standard deviations between images. */
function classWords(activity: LayerActivity, map: number, classes: readonly string[]): string | null {
  const means = activity.classes?.mean[map];
  const deviation = activity.image_spread?.[map];
  if (!means || deviation === undefined) return null;
  const named = classColumns(means, activity.filters[map].mean, deviation)
    .filter(({ deviation }) => Math.abs(deviation) >= NOTHING_BELOW)
    .sort((a, b) => Math.abs(b.deviation) - Math.abs(a.deviation))
    .slice(0, MAX_CLASSES)
    .map(({ class_index, deviation }) => `${classes[class_index]} ${signed(deviation, 1)}`);
  return named.join(', ') || 'none stands out';
}
