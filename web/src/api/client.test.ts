// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from 'vitest';
import { address, ApiError, getJson, getValues, isAbort, path, Unreachable } from './client';

afterEach(() => vi.unstubAllGlobals());
const answer = (body: unknown, init: ResponseInit = {}) =>
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => new Response(typeof body === 'string' ? body : JSON.stringify(body), init)),
  );

describe('addresses', () => {
  it('escapes pieces but keeps the selection language', () => {
    expect(path('runs', 'a b/c', 'checkpoints', '1,4:9', 'layers', '*')).toBe(
      'runs/a%20b%2Fc/checkpoints/1,4:9/layers/*',
    );
  });
  it('leaves out what is not said', () => {
    const url = new URL(address('runs', { q: 'dog', split: null, class: undefined, limit: 0, text: '' }));
    expect(url.pathname.endsWith('/api/runs')).toBe(true);
    expect(url.search).toBe('?q=dog&limit=0');
  });
});

describe('answers', () => {
  it('reads JSON', async () => {
    answer({ runs: [] });
    expect(await getJson('runs')).toEqual({ runs: [] });
  });
  it('turns problem+json into an error with its hint', async () => {
    answer(
      { title: 'Not found', status: 404, detail: 'no run "x"', hint: 'runs: demo' },
      { status: 404, headers: { 'content-type': 'application/problem+json' } },
    );
    const error = await getJson('runs/x').catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).message).toBe('no run "x"');
    expect((error as ApiError).problem.hint).toBe('runs: demo');
  });
  it('survives an error page that is not JSON', async () => {
    answer('<h1>no</h1>', { status: 502, statusText: 'Bad Gateway', headers: { 'content-type': 'text/html' } });
    const error = (await getJson('runs').catch((e: unknown) => e)) as ApiError;
    expect([error.status, error.message]).toEqual([502, 'Bad Gateway']);
  });
  it('tells a silent server from an abandoned request', async () => {
    vi.stubGlobal(
      'fetch',
      vi.fn(async () => Promise.reject(new TypeError('failed'))),
    );
    expect(await getJson('runs').catch((e: unknown) => e)).toBeInstanceOf(Unreachable);
    vi.stubGlobal(
      'fetch',
      vi.fn(async () => Promise.reject(new DOMException('stop', 'AbortError'))),
    );
    expect(isAbort(await getJson('runs').catch((e: unknown) => e))).toBe(true);
  });
  it('reads raw values with their shape', async () => {
    const bytes = new Uint8Array(new Float32Array([1, -2, 3.5, 0]).buffer);
    vi.stubGlobal(
      'fetch',
      vi.fn(async () => new Response(bytes, { headers: { 'x-deepviz-shape': '[2,1,1,2]' } })),
    );
    const values = await getValues('http://localhost/api/x');
    expect(values.shape).toEqual([2, 1, 1, 2]);
    expect([...values.data]).toEqual([1, -2, 3.5, 0]);
  });
});
