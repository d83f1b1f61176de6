import { expect, it, vi } from 'vitest';
import { MadeCache, type MadePictures } from './madePictures';

const made = (width: number): MadePictures => ({
  bitmap: {} as ImageBitmap,
  width,
  height: 1,
  pictures: [],
});
const address = (url: string, version = 'a') => ({ url, version });

function slow() {
  const asked: { url: string; signal: AbortSignal; answer: (made: MadePictures) => void }[] = [];
  const cache = new MadeCache(
    (url, signal) =>
      new Promise((answer, fail) => {
        asked.push({ url, signal, answer });
        signal.addEventListener('abort', () => fail(new DOMException('gone', 'AbortError')));
      }),
  );
  return { asked, cache };
}

it('asks once for what is wanted twice, and keeps it', async () => {
  const { asked, cache } = slow();
  const never = new AbortController().signal;
  const both = [cache.load(address('x'), never), cache.load(address('x'), never)];
  expect(asked).toHaveLength(1);
  asked[0].answer(made(3));
  expect((await Promise.all(both)).map(({ width }) => width)).toEqual([3, 3]);
  expect(cache.peek(address('x'))?.width).toBe(3);
  expect(cache.peek(address('x', 'b'))).toBeUndefined();
});

it('ends when the last has gone, not when one has', async () => {
  vi.useFakeTimers();
  const { asked, cache } = slow();
  const [one, other] = [new AbortController(), new AbortController()];
  const first = cache.load(address('x'), one.signal).catch(() => 'ended');
  one.abort();
  // Another place requests the same at that moment: the request continues.
  const second = cache.load(address('x'), other.signal).catch(() => 'ended');
  vi.advanceTimersByTime(1000);
  expect(asked[0].signal.aborted).toBe(false);
  other.abort();
  vi.advanceTimersByTime(1000);
  expect(asked[0].signal.aborted).toBe(true);
  vi.useRealTimers();
  expect(await Promise.all([first, second])).toEqual(['ended', 'ended']);
  void cache.load(address('x'), new AbortController().signal);
  expect(asked).toHaveLength(2);
});
