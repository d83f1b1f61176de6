import { expect, it } from 'vitest';
import { pairedCheckpoint, whyUnpaired } from './pairing';
import { resolveUrlState } from './resolveUrlState';
import { emptyUrlState, pushesHistory, urlStateFromHash } from './urlState';

const clock = { by: 'epoch', pairs: [0, 1, null, 9], missing: null } as const;

it('the clock names the checkpoint of B', () => {
  const pairs = { ...clock, pairs: [...clock.pairs] };
  expect([0, 1, 2, 3, 4].map((c) => pairedCheckpoint(pairs, c, 5))).toEqual([0, 1, null, null, null]);
  expect(pairedCheckpoint(null, 0, 5)).toBeNull();
});

it('what has no pair says why', () => {
  const none = { pairs: [null], missing: null };
  expect(whyUnpaired({ ...none, by: 'time', missing: 'B has no times' }, null)).toBe('B has no times');
  expect(whyUnpaired({ ...none, by: 'error' }, null)).toContain('test error');
  expect(whyUnpaired({ ...none, by: 'step' }, 'torn')).toContain('cannot be read');
});

it('a second run is a place to come back to', () => {
  const from = urlStateFromHash('#run=a&view=confusion');
  expect(pushesHistory(from, urlStateFromHash('#run=a&view=confusion&b.run=b'))).toBe(true);
  expect(pushesHistory(from, urlStateFromHash('#run=a&view=confusion&b.checkpoint=3'))).toBe(false);
});

it('a folder of several runs opens with the list of them, unless the address names one', () => {
  const run = {
    live: false,
    checkpoints: [],
    layers: [],
    total_steps: 1,
    divergence: null,
    corpus: { images: 0, train: 0 },
  };
  expect(resolveUrlState(emptyUrlState(), run, 3).view).toBe('runs');
  expect(resolveUrlState(emptyUrlState(), run, 1).view).toBe('filters');
  expect(resolveUrlState({ ...emptyUrlState(), run: 'a' }, run, 3).view).toBe('filters');
  expect(resolveUrlState({ ...emptyUrlState(), view: 'image' }, run, 3).view).toBe('image');
});
