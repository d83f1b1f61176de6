import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ApiError, Unreachable } from '../api/client';
import { AutoRetry, Connection, isTransient } from './connection.svelte';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const problem = (status: number) => new ApiError({ title: 'x', status });
const settled = () => vi.advanceTimersByTimeAsync(0);

describe('what failed', () => {
  it('is asked again when the server is back, whatever the failure was', async () => {
    const server = new Connection();
    server.setStatus('up');
    const acts: string[] = [];
    const gone = new AutoRetry(() => acts.push('gone'), server);
    const refused = new AutoRetry(() => acts.push('refused'), server);
    server.setStatus('gone');
    expect(gone.failed(new Unreachable(null))).toBe(true);
    expect(refused.failed(problem(409))).toBe(false);
    await vi.advanceTimersByTimeAsync(120_000);
    // Nothing is asked of a server that is known to be away.
    expect(acts).toEqual([]);
    server.setStatus('token');
    await settled();
    expect(acts).toEqual([]);
    server.setStatus('up');
    await settled();
    expect(acts).toEqual(['gone', 'refused']);
    server.setStatus('gone');
    server.setStatus('up');
    await settled();
    expect(acts.length).toBe(2);
  });
  it('is retried with growing pauses where the server answers', async () => {
    const server = new Connection();
    server.setStatus('up');
    let asked = 0;
    const busy = new AutoRetry(() => {
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
    server.setStatus('up');
    let asked = 0;
    new AutoRetry(() => (asked += 1), server).failed(new Unreachable(null));
    server.setStatus('gone');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(0);
    server.setStatus('up');
    await settled();
    expect(asked).toBe(1);
  });
  it('comes after what all others stand on', async () => {
    const server = new Connection();
    const order: string[] = [];
    server.listen({
      onEvent: () => undefined,
      onVisible: () => undefined,
      onReconnect: async () => {
        await Promise.resolve();
        order.push('run');
      },
    });
    server.setStatus('gone');
    new AutoRetry(() => order.push('view'), server).failed(new Unreachable(null));
    server.setStatus('up');
    await settled();
    expect(order).toEqual(['run', 'view']);
  });
  it('isTransient by itself or not', () => {
    expect([401, 429, 502, 503, 504].map((status) => isTransient(problem(status)))).not.toContain(false);
    expect([400, 404, 409, 422, 500].map((status) => isTransient(problem(status)))).not.toContain(true);
    expect(isTransient(new Unreachable(null))).toBe(true);
    expect(isTransient(new Error('x'))).toBe(false);
  });
});

describe('what is waited for', () => {
  it('is described in words', () => {
    const server = new Connection();
    expect(server.waitsFor).toBeNull();
    server.setStatus('up');
    expect(server.waitsFor).toBeNull();
    server.readsImages = true;
    expect(server.waitsFor).toBe('the server is reading the images');
    server.setStatus('token');
    expect(server.waitsFor).toBe('a token is needed');
    server.setStatus('gone');
    expect(server.waitsFor).toBe('server unreachable');
  });
});
