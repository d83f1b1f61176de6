/** The REST contract as types: paths, parameters and answers of GET and POST requests, from the server's OpenAPI description. */
import type { components, paths } from './openapi.gen';

export type Schemas = components['schemas'];

export type GetPath = { [P in keyof paths]: paths[P] extends { get: object } ? P : never }[keyof paths];

type Parameters<P extends GetPath> = paths[P]['get']['parameters'];
type Part<T, K extends keyof T> = [Exclude<T[K], undefined>] extends [never]
  ? unknown
  : Exclude<T[K], undefined>;
/** Ids and indices are strings in the description; numbers are written into addresses as well. */
type Value<T> = T extends string ? (string extends T ? string | number : T) : T;
type Optional<T> = { [K in keyof T as undefined extends T[K] ? K : never]?: Value<T[K]> | null };
type Required<T> = { [K in keyof T as undefined extends T[K] ? never : K]: Value<T[K]> };

/** Path and query parameters of a path, in one object. Optional ones that are null, undefined or empty are left out. */
export type Params<P extends GetPath> = Required<Part<Parameters<P>, 'path'>> &
  Required<Part<Parameters<P>, 'query'>> &
  Optional<Part<Parameters<P>, 'query'>>;

/** The JSON answer of a path; never for one that answers with a picture alone. */
export type Answer<P extends GetPath> = paths[P]['get'] extends {
  responses: { 200: { content: { 'application/json': infer T } } };
}
  ? T
  : never;

export type PostPath = { [P in keyof paths]: paths[P] extends { post: object } ? P : never }[keyof paths];

/** Path and query parameters of a POST request, as those of a GET request. */
export type PostParams<P extends PostPath> = Required<Part<paths[P]['post']['parameters'], 'path'>> &
  Optional<Part<paths[P]['post']['parameters'], 'query'>>;

/** The JSON answer to a POST request. */
export type PostAnswer<P extends PostPath> = paths[P]['post'] extends {
  responses: { 200: { content: { 'application/json': infer T } } };
}
  ? T
  : never;
