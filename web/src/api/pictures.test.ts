import { beforeEach, describe, expect, it, vi } from 'vitest';
import { isAbort } from './client';
import { Pictures, type Picture } from './pictures';

/** A loader whose answers are given by hand, in any order. */
function byHand() {
  const asked: string[] = [];
  const open = new Map<string, { give: (p: Picture) => void; fail: (e: unknown) => void }>();
  const load = (url: string) => {
    asked.push(url);
    return new Promise<Picture>((give, fail) => open.set(url, { give, fail }));
  };
  const picture = (size = 1) =>
    ({ bitmap: {} as ImageBitmap, width: size, height: size, sheet: null }) as Picture;
  return {
    asked,
    load,
    picture,
    give: (url: string, size = 1) => open.get(url)?.give(picture(size)),
    fail: (url: string) => open.get(url)?.fail(new Error(url)),
  };
}
const turn = () => new Promise((resolve) => setTimeout(resolve));

describe('pictures', () => {
  beforeEach(() => vi.stubGlobal('requestAnimationFrame', (f: () => void) => setTimeout(f)));

  it('asks once for the same picture and keeps it', async () => {
    const hand = byHand();
    const cache = new Pictures(1e6, hand.load);
    const both = Promise.all([cache.load('a'), cache.load('a')]);
    await turn();
    hand.give('a');
    await both;
    expect(hand.asked).toEqual(['a']);
    expect(cache.peek('a')).toBeDefined();
    await cache.load('a');
    expect(hand.asked).toEqual(['a']);
  });

  it('serves the latest request first, and requests before prefetches', async () => {
    const hand = byHand();
    const cache = new Pictures(1e6, hand.load);
    cache.prefetch(['p1', 'p2', 'p3', 'p4', 'p5', 'p6']);
    await turn();
    expect(hand.asked).toEqual(['p1', 'p2', 'p3', 'p4']);
    void cache.load('old');
    void cache.load('new');
    hand.give('p1');
    await turn();
    hand.give('p2');
    await turn();
    expect(hand.asked.slice(4)).toEqual(['new', 'old']);
  });

  it('forgets prefetches that are overtaken', async () => {
    const hand = byHand();
    const cache = new Pictures(1e6, hand.load);
    cache.prefetch(['p1', 'p2', 'p3', 'p4', 'p5']);
    await turn();
    cache.prefetch(['q1']);
    hand.give('p1');
    await turn();
    expect(hand.asked).toEqual(['p1', 'p2', 'p3', 'p4', 'q1']);
  });

  it('holds a fixed number of bytes, dropping what was used longest ago', async () => {
    const hand = byHand();
    const cache = new Pictures(3 * 4 * 100, hand.load);
    for (const url of ['a', 'b', 'c']) {
      const request = cache.load(url);
      await turn();
      hand.give(url, 10);
      await request;
    }
    cache.peek('a');
    const request = cache.load('d');
    await turn();
    hand.give('d', 10);
    await request;
    expect([cache.peek('a') !== undefined, cache.peek('b'), cache.bytes]).toEqual([true, undefined, 1200]);
  });

  it('passes a failure on and asks again next time', async () => {
    const hand = byHand();
    const cache = new Pictures(1e6, hand.load);
    const request = cache.load('a').catch((e: unknown) => e);
    await turn();
    hand.fail('a');
    expect(await request).toBeInstanceOf(Error);
    void cache.load('a').catch(() => undefined);
    await turn();
    expect(hand.asked).toEqual(['a', 'a']);
    expect(isAbort(await request)).toBe(false);
  });

  it('hands out the parts of a strip one by one', async () => {
    const hand = byHand();
    const parts = [hand.picture(1), hand.picture(1)];
    const cache = new Pictures(1e6, hand.load, () => Promise.resolve(parts));
    cache.prefetchStrips([{ url: 'strip', parts: ['p0', 'p1'] }]);
    await turn();
    // A request for a part of a strip in flight makes no request of its own.
    const wanted = cache.load('p1');
    hand.give('strip', 2);
    expect(await wanted).toBe(parts[1]);
    expect(cache.peek('p0')).toBe(parts[0]);
    expect(hand.asked).toEqual(['strip']);
  });

  it('requests a single picture where its strip fails', async () => {
    const hand = byHand();
    const cache = new Pictures(1e6, hand.load, () => Promise.resolve([]));
    cache.prefetchStrips([{ url: 'strip', parts: ['p0'] }]);
    await turn();
    const wanted = cache.load('p0');
    hand.fail('strip');
    await turn();
    await turn();
    hand.give('p0');
    expect((await wanted).width).toBe(1);
    expect(hand.asked).toEqual(['strip', 'p0']);
  });

  it('does not cancel what another place has prefetched', async () => {
    const hand = byHand();
    const cache = new Pictures(1e6, hand.load);
    cache.prefetch(['a', 'b', 'c', 'd', 'e'], 'bank');
    cache.prefetch(['m'], 'maps');
    await turn();
    for (const url of ['a', 'b', 'c', 'd']) hand.give(url);
    await turn();
    expect(hand.asked).toContain('e');
    expect(hand.asked).toContain('m');
  });
});
