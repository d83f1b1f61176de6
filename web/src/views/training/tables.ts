/** The numbers of the Training view as a table. Pure. */
import type { Checkpoint } from '../../api/types';
import type { Table } from '../../state/offer.svelte';

export const trainingTables = (points: readonly Checkpoint[]): Table[] => [
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
      one.test_loss,
      one.test_error,
    ]),
  },
];
