import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { pendingCount } from '../base/idle';
import { Quiet } from './quiet';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('does the first at once, and of those that are swept over the one that stays', () => {
  const quiet = new Quiet();
  const done: string[] = [];
  for (const name of ['a', 'b', 'c', 'd']) {
    quiet.run({ name, ms: 100 }, () => done.push(name));
    vi.advanceTimersByTime(20);
  }
  expect(done).toEqual(['a']);
  expect(pendingCount()).toBe(1);
  vi.advanceTimersByTime(80);
  expect(done).toEqual(['a', 'd']);
  expect(pendingCount()).toBe(0);
});

it('does not wait for the same subject, nor after a rest', () => {
  const quiet = new Quiet();
  const done: string[] = [];
  const run = (name: string, what: string) => quiet.run({ name, ms: 100 }, () => done.push(what));
  run('a', 'a0');
  run('a', 'a1');
  run('a', 'a2');
  expect(done).toEqual(['a0', 'a1', 'a2']);
  vi.advanceTimersByTime(150);
  run('b', 'b0');
  expect(done).toEqual(['a0', 'a1', 'a2', 'b0']);
  // A waiting subject is done with the newest of its work.
  run('c', 'c0');
  run('c', 'c1');
  vi.advanceTimersByTime(100);
  expect(done.slice(4)).toEqual(['c1']);
});

it('drops what was taken back', () => {
  const quiet = new Quiet();
  const done: string[] = [];
  quiet.run({ name: 'a', ms: 100 }, () => done.push('a'));
  quiet.run({ name: 'b', ms: 100 }, () => done.push('b'));
  quiet.cancel();
  vi.advanceTimersByTime(500);
  expect(done).toEqual(['a']);
  expect(pendingCount()).toBe(0);
});
