import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { pendingCount } from '../base/idle';
import { Throttle } from './throttle';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('does the first at once and of those that follow the newest', () => {
  const paced = new Throttle(50);
  const done: number[] = [];
  for (let n = 0; n < 4; n += 1) {
    paced.run(() => done.push(n));
    vi.advanceTimersByTime(10);
  }
  expect(done).toEqual([0]);
  expect(pendingCount()).toBe(1);
  vi.advanceTimersByTime(10);
  expect(done).toEqual([0, 3]);
  expect(pendingCount()).toBe(0);
});

it('does at once what comes after a rest, and nothing that was taken back', () => {
  const paced = new Throttle(50);
  const done: string[] = [];
  paced.run(() => done.push('first'));
  vi.advanceTimersByTime(60);
  paced.run(() => done.push('rested'));
  paced.run(() => done.push('taken back'));
  paced.cancel();
  vi.advanceTimersByTime(100);
  expect(done).toEqual(['first', 'rested']);
  expect(pendingCount()).toBe(0);
});
