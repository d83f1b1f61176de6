/**
 * The REST contract as types: paths, parameters and answers of GET requests, from the server's OpenAPI description.
 *
 * Two things the description does not say yet are added here, for all answers at once: the server writes every field,
 * where there is no value as null, although most of these are not listed as `required`; and splits and states of
 * statistics are enumerations, although their schema is a string.
 */
import type { components, paths } from './openapi.gen';

export type Schemas = components['schemas'];

export type Split = 'train' | 'test';
export type StatisticsState = 'ready' | 'missing' | 'failed' | 'stale';

/** A schema as the server writes it: every field present, the enumerations spelled out. */
export type Written<T> = T extends (infer U)[]
  ? Written<U>[]
  : T extends object
    ? { [K in keyof T]-?: WrittenField<K, Exclude<T[K], undefined>> }
    : T;
type WrittenField<K, T> = K extends 'split'
  ? Split | Extract<T, null>
  : K extends 'statistics'
    ? Partial<Record<Split, StatisticsState>>
    : K extends 'sheet_shape'
      ? Sizes | Extract<T, null>
      : Written<T>;
/** Filters, channels, rows and columns of a layer's weights as a sheet shows them. */
type Sizes = [filters: number, channels: number, height: number, width: number];

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
  ? Written<T>
  : never;
