/**
 * Requests to the server. Addresses are relative to the page, so the dashboard works under any path prefix.
 *
 * `getJson` throws `ApiError` for an `application/problem+json` answer and `Unreachable` when there was no answer;
 * an abandoned request throws the browser's `AbortError` (test with `isAbort`).
 */
import { during } from '../base/idle';

/** RFC 9457: what the server says about a request it could not fulfil. */
export interface Problem {
  type?: string;
  title: string;
  status: number;
  detail?: string;
  hint?: string;
}

export class ApiError extends Error {
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail || problem.title);
    this.name = 'ApiError';
    this.problem = problem;
  }
  get status(): number {
    return this.problem.status;
  }
}

export class Unreachable extends Error {
  constructor(cause: unknown) {
    super('the server does not answer', { cause });
    this.name = 'Unreachable';
  }
}

export const isAbort = (error: unknown): boolean =>
  error instanceof DOMException ? error.name === 'AbortError' : (error as Error | null)?.name === 'AbortError';

/** Message of an error for the user. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export type Query = Record<string, string | number | boolean | null | undefined>;

/** `runs/a b/graph` from `['runs', 'a b', 'graph']`: each piece escaped, the API's own `*` and `,` kept. */
export function path(...pieces: (string | number)[]): string {
  return pieces.map((piece) => encodeURIComponent(piece).replace(/%2C/gi, ',').replace(/%3A/gi, ':')).join('/');
}

let base = { page: '', api: '' };

/**
 * An absolute address below `api/`; empty, null and undefined options are left out. Written together by hand: while one
 * scrubs, dozens are needed in every frame, and `URL` takes its time.
 */
export function address(route: string, query: Query = {}): string {
  if (base.page !== document.baseURI) {
    const page = document.baseURI;
    const api = new URL('api/', page);
    base = { page, api: api.origin + api.pathname };
  }
  let url = base.api + route;
  let mark = '?';
  for (const [key, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === '') continue;
    url += `${mark}${key}=${encodeURIComponent(value)}`;
    mark = '&';
  }
  return url;
}

export async function problemFrom(response: Response): Promise<Problem> {
  const fallback: Problem = {
    title: response.statusText || `error ${response.status}`,
    status: response.status,
  };
  if (!(response.headers.get('content-type') ?? '').includes('json')) return fallback;
  try {
    return { ...fallback, ...((await response.json()) as Partial<Problem>) };
  } catch {
    return fallback;
  }
}

/** Sends one request; the idle signal counts it until its headers have arrived. */
export async function request(url: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await during(fetch(url, init));
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Unreachable(error);
  }
  if (!response.ok) throw new ApiError(await problemFrom(response));
  return response;
}

export async function getJson<T>(route: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  const response = await request(address(route, query), { signal, headers: { accept: 'application/json' } });
  return during(response.json() as Promise<T>);
}

/** Raw little-endian floats with their shape, from `format=f32`. */
export interface Values {
  shape: number[];
  data: Float32Array;
}

export async function getValues(url: string, signal?: AbortSignal): Promise<Values> {
  const response = await request(url, { signal });
  const data = new Float32Array(await during(response.arrayBuffer()));
  const shape = JSON.parse(response.headers.get('x-deepviz-shape') ?? `[${data.length}]`) as number[];
  return { shape, data };
}
