import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MIN_MS, Recount } from './recount';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it('a history is read again for new checkpoints once in a while, for another filter at once', () => {
  const wake = vi.fn();
  const recount = new Recount(wake);
  expect(recount.of('conv1/3', 10)).toBe(10);
  vi.advanceTimersByTime(4_000);
  expect(recount.of('conv1/3', 11)).toBe(10);
  expect(recount.of('conv1/3', 12)).toBe(10);
  expect(wake).not.toHaveBeenCalled();
  vi.advanceTimersByTime(MIN_MS - 4_000);
  expect(wake).toHaveBeenCalledTimes(1);
  expect(recount.of('conv1/3', 12)).toBe(12);
  expect(recount.of('conv1/4', 13)).toBe(13);
  recount.of('conv1/4', 14);
  recount.stop();
  vi.advanceTimersByTime(MIN_MS);
  expect(wake).toHaveBeenCalledTimes(1);
});
