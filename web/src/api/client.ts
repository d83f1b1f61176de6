/**
 * Requests to the server. Addresses are relative to the page, so the dashboard works under any path prefix.
 *
 * `request` throws `ApiError` for an `application/problem+json` answer and `Unreachable` when there was no answer;
 * an abandoned request throws the browser's `AbortError` (test with `isAbort`).
 */
import { trackPending } from '../base/idle';
import type { Answer, GetPath, Params, PostAnswer, PostParams, PostPath } from './contract';

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
    super('server unreachable', { cause });
    this.name = 'Unreachable';
  }
}

export const isAbort = (error: unknown): boolean =>
  error instanceof DOMException ? error.name === 'AbortError' : (error as Error | null)?.name === 'AbortError';

/** Message of an error for the user. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

let base = { page: '', api: '' };
const templates = new Map<string, string[]>();

/** A value as a piece of a path: escaped, the API's own `*`, `,` and `:` kept. */
const escaped = (value: unknown): string =>
  encodeURIComponent(String(value)).replace(/%2C/gi, ',').replace(/%3A/gi, ':');

/**
 * The absolute address of a path of the contract, below the page's own address. Joined by hand: scrubbing needs dozens in
 * every frame, and `URL` is slow.
 */
function addressOf(path: string, params: Record<string, unknown>): string {
  if (base.page !== document.baseURI) {
    const page = document.baseURI;
    const root = new URL('.', page);
    base = { page, api: root.origin + root.pathname.replace(/\/$/, '') };
  }
  let pieces = templates.get(path);
  if (!pieces) templates.set(path, (pieces = path.split(/[{}]/)));
  let url = base.api;
  pieces.forEach((piece, n) => (url += n % 2 ? escaped(params[piece]) : piece));
  let mark = '?';
  for (const [key, value] of Object.entries(params)) {
    if (value === null || value === undefined || value === '' || pieces.includes(key, 1)) continue;
    url += `${mark}${key}=${encodeURIComponent(String(value))}`;
    mark = '&';
  }
  return url;
}

/** A GET request of the contract: its address (for `<img>`, links and exports), and its JSON answer. */
export class Endpoint<T> {
  readonly url: string;
  constructor(url: string) {
    this.url = url;
  }

  /** Requests the answer. Throws as `request` does. */
  async json(signal?: AbortSignal): Promise<T> {
    const response = await request(this.url, { signal, headers: { accept: 'application/json' } });
    return trackPending(response.json() as Promise<T>);
  }
}

/**
 * `endpoint('/api/runs/{run}/metrics', { run: 'demo', since: 4 })`. A path or a parameter that the server does not have is
 * a type error, also where the parameters are spread from another object.
 */
export function endpoint<P extends GetPath, G extends Params<P>>(
  path: P,
  params: G & { [K in Exclude<keyof G, keyof Params<P>>]: never },
): Endpoint<Answer<P>> {
  return new Endpoint(addressOf(path, params));
}

/** Sends an image file by POST and returns the JSON answer. Throws as `request` does. */
export async function sendImage<P extends PostPath>(
  path: P,
  params: PostParams<P>,
  image: Blob,
  signal?: AbortSignal,
): Promise<PostAnswer<P>> {
  const headers = { 'content-type': image.type || 'application/octet-stream' };
  const response = await request(addressOf(path, params), { method: 'POST', body: image, headers, signal });
  return trackPending(response.json() as Promise<PostAnswer<P>>);
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
    response = await trackPending(fetch(url, init));
  } catch (error) {
    if (isAbort(error)) throw error;
    throw new Unreachable(error);
  }
  if (!response.ok) throw new ApiError(await problemFrom(response));
  return response;
}

/** Raw little-endian floats with their shape, from `format=f32`. */
export interface Values {
  shape: number[];
  data: Float32Array;
}

export async function getValues(url: string, signal?: AbortSignal): Promise<Values> {
  const response = await request(url, { signal });
  const data = new Float32Array(await trackPending(response.arrayBuffer()));
  const shape = JSON.parse(response.headers.get('x-deepviz-shape') ?? `[${data.length}]`) as number[];
  return { shape, data };
}
