import { expect, it } from 'vitest';
import type { Run } from '../api/types';
import { resolveUrlState, urlStateForRun, urlStateOf } from './resolveUrlState';
import { emptyUrlState } from './urlState';

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
  expect(resolveUrlState(emptyUrlState(), run)).toEqual({
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

it('keeps the requested state where the run has it', () => {
  const requested = {
    ...emptyUrlState(),
    view: 'image',
    checkpoint: 1,
    before: 0,
    filter: 7,
    channel: 2,
    image: 3,
  };
  expect(resolveUrlState(requested, run)).toMatchObject({
    view: 'image',
    checkpoint: 1,
    filter: 7,
    channel: 2,
    image: 3,
  });
  const beyond = { ...emptyUrlState(), layer: 'gone', checkpoint: 99, before: 99, filter: 8, image: 100 };
  expect(resolveUrlState(beyond, run)).toMatchObject({
    layer: 'conv1',
    checkpoint: 3,
    before: 3,
    filter: 0,
    image: 80,
  });
  expect(resolveUrlState({ ...emptyUrlState(), filter: 'none' }, run).filter).toBeNull();
});

it('follows a run that grows, unless a checkpoint is named', () => {
  expect(resolveUrlState(emptyUrlState(), { ...run, live: true }).follow).toBe(true);
  expect(resolveUrlState({ ...emptyUrlState(), checkpoint: 1 }, { ...run, live: true }).follow).toBe(false);
  expect(resolveUrlState({ ...emptyUrlState(), checkpoint: 'last' }, run).follow).toBe(true);
});

it('returns to the URL state', () => {
  const here = { ...resolveUrlState(emptyUrlState(), run), held: null, options: { scale: 'filter' } };
  const state = urlStateOf(here, 'demo');
  expect(state).toMatchObject({ run: 'demo', checkpoint: 2, filter: 0, options: { scale: 'filter' } });
  expect(resolveUrlState(state, run)).toEqual(resolveUrlState(emptyUrlState(), run));
  // While a key is held to show the reference, the URL state has the checkpoint to return to.
  expect(urlStateOf({ ...here, checkpoint: 0, held: 1 }, 'demo').checkpoint).toBe(1);
  expect(urlStateOf({ ...here, follow: true, filter: null }, 'demo')).toMatchObject({
    checkpoint: 'last',
    filter: 'none',
  });
});

it('takes view and options to another run, and nothing that belongs to this one', () => {
  const options = { 'clusters.open': '3', 'clusters.order': 'grew' };
  const state = { ...emptyUrlState(), run: 'a', view: 'clusters', checkpoint: 4, before: 1, image: 7, options };
  expect(urlStateForRun(state, 'b')).toEqual({
    ...emptyUrlState(),
    run: 'b',
    view: 'clusters',
    options: { 'clusters.order': 'grew' },
  });
  expect(urlStateForRun({ ...state, checkpoint: 'last' }, 'b').checkpoint).toBe('last');
});

it('opens a finished run with statistics with its story, every other with its filters', () => {
  const ready = { test: 'ready', train: 'missing' };
  const checkpoints = run.checkpoints.map((one, n) => ({ ...one, step: 10 * n, statistics: ready }));
  const finished = { ...run, checkpoints, total_steps: 30 } as unknown as Run;
  const opened = (more: Partial<Run>) => resolveUrlState(emptyUrlState(), { ...finished, ...more }).view;
  expect(opened({})).toBe('story');
  expect(opened({ live: true })).toBe('filters');
  expect(opened({ total_steps: 40 })).toBe('filters');
  expect(opened({ divergence: {} as Run['divergence'] })).toBe('filters');
  const bare = checkpoints.map((one) => ({ ...one, statistics: { test: 'missing', train: 'missing' } }));
  expect(opened({ checkpoints: bare as unknown as Run['checkpoints'] })).toBe('filters');
  expect(resolveUrlState({ ...emptyUrlState(), view: 'image' }, finished).view).toBe('image');
});
