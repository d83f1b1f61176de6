// @vitest-environment happy-dom
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError, endpoint, getValues, isAbort, Unreachable } from './client';

afterEach(() => vi.unstubAllGlobals());
const answer = (body: unknown, init: ResponseInit = {}) =>
  vi.stubGlobal(
    'fetch',
    vi.fn(async () => new Response(typeof body === 'string' ? body : JSON.stringify(body), init)),
  );

const SHEET =
  '/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}' as const;

describe('addresses', () => {
  const page = 'http://localhost:3000';
  it('escape the pieces of a path but keep the selection language', () => {
    const sheet = { run: 'a b/c', checkpoints: '1,4:9', layers: 'conv1', filters: '*', channels: '*' };
    expect(endpoint(SHEET, sheet).url).toBe(
      `${page}/api/runs/a%20b%2Fc/checkpoints/1,4:9/layers/conv1/filters/*/channels/*`,
    );
  });
  it('leave out parameters without a value', () => {
    const search = { corpus: 'c', q: 'dog & cat', split: null, class: undefined, limit: 0, cursor: '' };
    expect(endpoint('/api/corpora/{corpus}/images', search).url).toBe(
      `${page}/api/corpora/c/images?q=dog%20%26%20cat&limit=0`,
    );
  });
  it('lie below the page, wherever a proxy puts it', () => {
    const base = document.createElement('base');
    document.head.append(base);
    for (const [page, api] of [
      ['http://host/some/where/#view=filters', 'http://host/some/where/api/runs'],
      ['http://host/some/index.html', 'http://host/some/api/runs'],
      ['http://host/', 'http://host/api/runs'],
    ]) {
      base.href = page;
      expect(endpoint('/api/runs', {}).url).toBe(api);
    }
    base.remove();
  });
  it('that the server does not have are errors of the types', () => {
    const query = { run: 'a', splt: 'test' };
    // @ts-expect-error there is no such path
    void endpoint('/api/runs/{run}/confusions', { run: 'a' });
    // @ts-expect-error there is no such query parameter
    void endpoint('/api/runs/{run}/confusion', { run: 'a', splt: 'test' });
    // @ts-expect-error nor is one let through that comes with others
    void endpoint('/api/runs/{run}/confusion', { ...query });
    // @ts-expect-error a parameter of the path is missing
    void endpoint('/api/runs/{run}/confusion', {});
    // @ts-expect-error a parameter of the query that must be there is missing
    void endpoint('/api/runs/{run}/moves', { run: 'a', from: 1 });
    // @ts-expect-error a value that is none of the enumeration
    void endpoint(SHEET, { run: 'a', checkpoints: 1, layers: 'b', filters: 1, channels: 1, normalise: 'no' });
    const picture = endpoint('/api/corpora/{corpus}/sheet', { corpus: 'a', ids: '1' });
    // @ts-expect-error a picture has no JSON
    void (() => picture.json().then((one) => one.ids));
    expect(endpoint('/api/runs/{run}/confusion', { run: 'a', split: 'test' }).url).toContain('?split=test');
  });
});

describe('answers', () => {
  it('reads JSON', async () => {
    answer({ runs: [] });
    expect(await endpoint('/api/runs', {}).json()).toEqual({ runs: [] });
  });
  it('turns problem+json into an error with its hint', async () => {
    answer(
      { title: 'Not found', status: 404, detail: 'no run "x"', hint: 'runs: demo' },
      { status: 404, headers: { 'content-type': 'application/problem+json' } },
    );
    const error = await endpoint('/api/runs/{run}', { run: 'x' })
      .json()
      .catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ApiError);
    expect((error as ApiError).message).toBe('no run "x"');
    expect((error as ApiError).problem.hint).toBe('runs: demo');
  });
  it('survives an error page that is not JSON', async () => {
    answer('<h1>no</h1>', { status: 502, statusText: 'Bad Gateway', headers: { 'content-type': 'text/html' } });
    const error = (await endpoint('/api/runs', {})
      .json()
      .catch((e: unknown) => e)) as ApiError;
    expect([error.status, error.message]).toEqual([502, 'Bad Gateway']);
  });
  it('distinguishes a silent server from an aborted request', async () => {
    vi.stubGlobal(
      'fetch',
      vi.fn(async () => Promise.reject(new TypeError('failed'))),
    );
    expect(
      await endpoint('/api/runs', {})
        .json()
        .catch((e: unknown) => e),
    ).toBeInstanceOf(Unreachable);
    vi.stubGlobal(
      'fetch',
      vi.fn(async () => Promise.reject(new DOMException('stop', 'AbortError'))),
    );
    expect(
      isAbort(
        await endpoint('/api/runs', {})
          .json()
          .catch((e: unknown) => e),
      ),
    ).toBe(true);
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
