/** The numbers of the Training view as tables. Pure. */
import { endpoint } from '../../api/client';
import type { Checkpoint, Layer, WeightHistory } from '../../api/types';
import { NOT_FINITE } from '../../base/format';
import type { Table } from '../../state/exportData';
import type { Tally } from '../common/activity';
import type { LayerHealth } from './layerHistories.svelte';

/** One layer at one checkpoint; what is not known is null. */
export interface LayerState {
  layer: string;
  parameters: number;
  norm: number | null;
  /** The change since the previous snapshot, and by the last step alone, as shares of the size of the weights. */
  moved: number | null;
  update: number | null;
  tally: Tally | null;
}

export const trainingTables = (points: readonly Checkpoint[], layers: readonly LayerState[]): Table[] => [
  {
    name: 'Checkpoints',
    head: [
      'checkpoint',
      'step',
      'epoch',
      'images seen',
      'train loss',
      'train error',
      'test loss',
      'test error',
    ],
    rows: points.map((one) => [
      String(one.index),
      one.step,
      one.epoch,
      one.images_seen,
      one.train_loss,
      one.train_error,
      one.not_finite ? NOT_FINITE : one.test_loss,
      one.not_finite ? NOT_FINITE : one.test_error,
    ]),
  },
  layersTable('Layers', layers),
];

export const layersTable = (name: string, layers: readonly LayerState[]): Table => ({
  name,
  head: [
    'layer',
    'parameters',
    'norm',
    'change',
    'last step',
    'active fraction',
    'filters',
    'dead',
    'at risk',
    'revived',
    'saturated',
  ],
  rows: layers.map(({ layer, parameters, norm, moved, update, tally }) => [
    layer,
    parameters,
    norm,
    moved,
    update,
    tally?.active ?? null,
    tally?.filters ?? null,
    tally?.dead ?? null,
    tally?.at_risk ?? null,
    tally?.revived ?? null,
    tally?.saturated ?? null,
  ]),
});

/** Every layer's numbers at a checkpoint. */
export const layerStates = (
  layers: readonly Pick<Layer, 'name' | 'parameters'>[],
  { weights, health }: { weights: WeightHistory | null; health: Readonly<Record<string, LayerHealth>> },
  checkpoint: number,
): LayerState[] =>
  layers.map(({ name, parameters }) => {
    const array = weights?.arrays.find((one) => one.name === `${name}.weight`);
    const at = weights?.checkpoints.indexOf(checkpoint) ?? -1;
    const known = health[name];
    return {
      layer: name,
      parameters,
      norm: array?.norm[at] ?? null,
      moved: array?.change[at] ?? null,
      update: array?.update[at] ?? null,
      tally: known?.tallies[known.checkpoints.indexOf(checkpoint)] ?? null,
    };
  });

/** The addresses of those numbers. */
export const layerRequests = (run: string, health: Readonly<Record<string, LayerHealth>>): string[] => [
  endpoint('/api/runs/{run}/weights', { run }).url,
  ...Object.values(health).map(
    ({ rectifier: layer }) =>
      endpoint('/api/runs/{run}/layers/{layer}/activity', { run, layer, split: 'test' }).url,
  ),
];
