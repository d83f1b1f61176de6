/** The numbers of the Training view as tables. Pure. */
import type { Checkpoint } from '../../api/types';
import { NOT_FINITE } from '../../base/format';
import type { Table } from '../../state/exportData';
import type { Tally } from '../common/activity';

/** One layer at one checkpoint; what is not known is null. */
export interface LayerState {
  layer: string;
  parameters: number;
  norm: number | null;
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
  {
    name: 'Layers',
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
  },
];
