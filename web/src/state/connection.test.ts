import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, Unreachable } from '../api/client';
import { Comeback, Connection, passes } from './connection.svelte';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const problem = (status: number) => new ApiError({ title: 'x', status });
const settled = () => vi.advanceTimersByTimeAsync(0);

describe('what failed', () => {
  it('is asked again when the server is back, whatever the failure was', async () => {
    const server = new Connection();
    server.told('up');
    const acts: string[] = [];
    const gone = new Comeback(() => acts.push('gone'), server);
    const refused = new Comeback(() => acts.push('refused'), server);
    server.told('gone');
    expect(gone.failed(new Unreachable(null))).toBe(true);
    expect(refused.failed(problem(409))).toBe(false);
    await vi.advanceTimersByTimeAsync(120_000);
    // Nothing is asked of a server that is known to be away.
    expect(acts).toEqual([]);
    server.told('token');
    await settled();
    expect(acts).toEqual([]);
    server.told('up');
    await settled();
    expect(acts).toEqual(['gone', 'refused']);
    server.told('gone');
    server.told('up');
    await settled();
    expect(acts.length).toBe(2);
  });
  it('is asked again after a while, ever longer, where the server is there', async () => {
    const server = new Connection();
    server.told('up');
    let asked = 0;
    const busy = new Comeback(() => {
      asked += 1;
      busy.failed(problem(503));
    }, server);
    busy.failed(problem(503));
    await vi.advanceTimersByTimeAsync(1001);
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(2001);
    expect(asked).toBe(2);
    await vi.advanceTimersByTimeAsync(300_000);
    expect(asked).toBeGreaterThan(8);
    expect(asked).toBeLessThan(18);
    busy.done();
    await vi.advanceTimersByTimeAsync(300_000);
    expect(asked).toBeLessThan(18);
  });
  it('is not asked again on time where it turns out that the server is away', async () => {
    const server = new Connection();
    server.told('up');
    let asked = 0;
    new Comeback(() => (asked += 1), server).failed(new Unreachable(null));
    server.told('gone');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(0);
    server.told('up');
    await settled();
    expect(asked).toBe(1);
  });
  it('comes after what all others stand on', async () => {
    const server = new Connection();
    const order: string[] = [];
    server.listen({
      event: () => undefined,
      shown: () => undefined,
      back: async () => {
        await Promise.resolve();
        order.push('run');
      },
    });
    server.told('gone');
    new Comeback(() => order.push('view'), server).failed(new Unreachable(null));
    server.told('up');
    await settled();
    expect(order).toEqual(['run', 'view']);
  });
  it('passes by itself or not', () => {
    expect([401, 429, 502, 503, 504].map((status) => passes(problem(status)))).not.toContain(false);
    expect([400, 404, 409, 422, 500].map((status) => passes(problem(status)))).not.toContain(true);
    expect(passes(new Unreachable(null))).toBe(true);
    expect(passes(new Error('x'))).toBe(false);
  });
});

describe('what is waited for', () => {
  it('is told in words', () => {
    const server = new Connection();
    expect(server.waitsFor).toBeNull();
    server.told('up');
    expect(server.waitsFor).toBeNull();
    server.readsImages = true;
    expect(server.waitsFor).toBe('the server is reading the images');
    server.told('token');
    expect(server.waitsFor).toBe('a token is needed');
    server.told('gone');
    expect(server.waitsFor).toBe('the server does not answer');
  });
});
