import { expect, it } from 'vitest';
import type { Run } from '../api/types';
import { arrival, placeOf } from './arrival';
import { nowhere } from './place';

const run = {
  live: false,
  checkpoints: [0, 0.5, 1, 2].map((epoch, index) => ({
    index,
    epoch,
    problem: index === 3 ? 'cut short' : null,
  })),
  layers: [
    { name: 'data', weight_shape: null },
    { name: 'conv1', weight_shape: [8, 3, 5, 5], filters: 8 },
  ],
  corpus: { images: 100, train: 80 },
} as unknown as Run;

it('fills in the newest readable checkpoint, the first epoch, the first layer with weights, the first test image', () => {
  expect(arrival(nowhere(), run)).toEqual({
    follow: false,
    view: 'filters',
    checkpoint: 2,
    before: 2,
    layer: 'conv1',
    filter: 0,
    channel: null,
    image: 80,
  });
});

it('keeps what is said where the run has it', () => {
  const said = { ...nowhere(), view: 'image', checkpoint: 1, before: 0, filter: 7, channel: 2, image: 3 };
  expect(arrival(said, run)).toMatchObject({ view: 'image', checkpoint: 1, filter: 7, channel: 2, image: 3 });
  const beyond = { ...nowhere(), layer: 'gone', checkpoint: 99, before: 99, filter: 8, image: 100 };
  expect(arrival(beyond, run)).toMatchObject({
    layer: 'conv1',
    checkpoint: 3,
    before: 3,
    filter: 0,
    image: 80,
  });
  expect(arrival({ ...nowhere(), filter: 'none' }, run).filter).toBeNull();
});

it('follows a run that grows, unless a checkpoint is named', () => {
  expect(arrival(nowhere(), { ...run, live: true }).follow).toBe(true);
  expect(arrival({ ...nowhere(), checkpoint: 1 }, { ...run, live: true }).follow).toBe(false);
  expect(arrival({ ...nowhere(), checkpoint: 'last' }, run).follow).toBe(true);
});

it('finds the way back', () => {
  const here = { ...arrival(nowhere(), run), held: null, options: { scale: 'filter' } };
  const place = placeOf(here, 'demo');
  expect(place).toMatchObject({ run: 'demo', checkpoint: 2, filter: 0, options: { scale: 'filter' } });
  expect(arrival(place, run)).toEqual(arrival(nowhere(), run));
  // While “before” is held up, the place is where one returns to.
  expect(placeOf({ ...here, checkpoint: 0, held: 1 }, 'demo').checkpoint).toBe(1);
  expect(placeOf({ ...here, follow: true, filter: null }, 'demo')).toMatchObject({
    checkpoint: 'last',
    filter: 'none',
  });
});
