import { expect, it } from 'vitest';
import type { Run } from '../api/types';
import {
  inClassesOf,
  matrixInClassesOf,
  onClock,
  pairedCheckpoint,
  usualClock,
  whyNotAsked,
  whyNotCounted,
  whyUnpaired,
} from './pairing';
import { resolveUrlState } from './resolveUrlState';
import { emptyUrlState, pushesHistory, urlStateFromHash } from './urlState';

const clock = { by: 'epoch', pairs: [0, 1, null, 9], missing: null } as const;

it('the clock names the checkpoint of B', () => {
  const pairs = { ...clock, pairs: [...clock.pairs] };
  expect([0, 1, 2, 3, 4].map((c) => pairedCheckpoint(pairs, c, 5))).toEqual([0, 1, null, null, null]);
  expect(pairedCheckpoint(null, 0, 5)).toBeNull();
});

it('what was measured of B lies under the checkpoints of A', () => {
  const pairs = { ...clock, pairs: [...clock.pairs] };
  expect(onClock(pairs, [0, 1, 2, 3], [0, 1, 8])).toEqual([0, 1, -1, 2]);
  // What was not measured yet is not there; between two the earlier one stands.
  expect(onClock(pairs, [0, 3], [4, 5])).toEqual([-1, 1]);
  expect(onClock(null, [0], [0])).toEqual([-1]);
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

const run = (identity: string, ...classes: string[]) => ({ classes, corpus: { identity } }) as unknown as Run;

it('counts of B are read in the order of the classes of A', () => {
  expect(inClassesOf(['cat', 'dog', 'frog'], ['frog', 'cat', 'dog'], [0.1, 0.2, 0.7])).toEqual([0.2, 0.7, 0.1]);
  const rows = [
    [1, 2],
    [3, 4],
  ];
  expect(matrixInClassesOf(['cat', 'dog'], ['dog', 'cat'], rows)).toEqual([4, 3, 2, 1]);
  expect(matrixInClassesOf(['cat', 'dog'], ['cat', 'dog'], rows)).toEqual([1, 2, 3, 4]);
});

it('what two runs do not share says why', () => {
  const a = run('x', 'cat', 'dog');
  expect(whyNotCounted(a, run('x', 'dog', 'cat'))).toBe('');
  expect(whyNotCounted(a, run('y', 'cat', 'dog'))).toContain('other images');
  expect(whyNotCounted(a, run('x', 'cat', 'frog'))).toContain('other classes');
  expect(whyNotCounted(a, null)).toBe('');
  expect(whyNotAsked(a, run('x', 'frog'), 3)).toBe('');
  expect(whyNotAsked(a, run('y', 'cat', 'dog'), 3)).toContain('other images');
});

it('runs of other lengths are aligned by the fraction of their training once both are finished', () => {
  const run = (epoch: number, live = false) =>
    ({ live, checkpoints: [{ epoch: 0 }, { epoch }] }) as unknown as Run;
  expect(usualClock(run(10), run(3))).toBe('fraction');
  expect(usualClock(run(10), run(10.01))).toBe('epoch');
  expect(usualClock(run(10, true), run(3))).toBe('epoch');
  expect(usualClock(run(10), null)).toBe('epoch');
});
