/**
 * Tokens of attention weights: how they lie over the image, which one is chosen, and what it attends to. Pure.
 *
 * A layer of attention weights has a map of queries x keys for each head. Tokens are the learnt ones (class token,
 * registers) first, then the pixels of a map of the image, row by row (docs/recipes.md, `class_token`).
 */
import type { Layer } from '../../../api/types';

/** How tokens lie over the image. */
export interface TokenGrid {
  /** Learnt tokens, before those of the image. */
  learnt: number;
  rows: number;
  columns: number;
}

export interface AttentionLayer {
  layer: Layer;
  heads: number;
  queries: number;
  keys: number;
  /** Null where the queries are no map of the image: learnt queries, or one that pools. */
  queryGrid: TokenGrid | null;
  keyGrid: TokenGrid;
}

/** Rows and columns of a map. */
export type GridSize = Pick<TokenGrid, 'rows' | 'columns'>;

export type Token = 'mean' | { learnt: number } | { row: number; column: number };

type Known = Pick<Layer, 'name' | 'type' | 'shape' | 'inputs'>;

/** More tokens before those of the image are taken for something else. Vision transformers have up to five. */
const MAX_LEARNT = 16;

/** Layers of networks that a worker computes are all `external`; these are told by their name. */
const isAttention = ({ type, name }: Known): boolean =>
  type === 'attention_weights' || (type === 'external' && /(^|\.)attention_weights(_\d+)?$/.test(name));

/** The grid of this many tokens, by a layer that they come from; null where they are no map of the image. */
function gridOf(tokens: number, shape: Layer['shape'] | undefined): TokenGrid | null {
  if (!shape || shape.height < 2 || shape.width < 2) return null;
  const learnt = tokens - shape.height * shape.width;
  return learnt >= 0 && learnt <= MAX_LEARNT ? { learnt, rows: shape.height, columns: shape.width } : null;
}

/** The layers of attention weights whose keys are a map of the image, in the order of the network. */
export function attentionLayers(layers: readonly Layer[]): AttentionLayer[] {
  const shapes = new Map(layers.map(({ name, shape }) => [name, shape]));
  return layers.filter(isAttention).flatMap((layer) => {
    const { channels: heads, height: queries, width: keys } = layer.shape;
    const grids = layer.inputs.map((input) => shapes.get(input));
    // Inputs are queries and keys. A worker's layer may name one that both come from.
    const queryGrid = gridOf(queries, grids[0]);
    const keyGrid = gridOf(keys, grids[1] ?? grids[0]);
    return keyGrid ? [{ layer, heads, queries, keys, queryGrid, keyGrid }] : [];
  });
}

/** The finest map of queries: the address counts its rows and columns. Coarser layers take the token that covers the place. */
export function frameOf(layers: readonly AttentionLayer[]): TokenGrid | null {
  const area = (grid: GridSize) => grid.rows * grid.columns;
  return layers.reduce<TokenGrid | null>((finest, { queryGrid }) => {
    if (!queryGrid) return finest;
    if (!finest) return queryGrid;
    const larger = area(queryGrid) > area(finest) ? queryGrid : finest;
    return { ...larger, learnt: Math.max(queryGrid.learnt, finest.learnt) };
  }, null);
}

export const defaultToken = (frame: TokenGrid | null): Token => (frame?.learnt ? { learnt: 0 } : 'mean');

/** As in the address: `mean`, `class`, `learnt1`, or `3,4` for row and column. */
export function tokenText(token: Token): string {
  if (token === 'mean') return token;
  if ('learnt' in token) return token.learnt ? `learnt${token.learnt}` : 'class';
  return `${token.row},${token.column}`;
}

/** The token that the address names, if these layers have it; else the default. */
export function tokenFrom(text: string, frame: TokenGrid | null): Token {
  const standard = defaultToken(frame);
  if (text === 'mean' || !frame) return text === 'mean' ? 'mean' : standard;
  const learnt = text === 'class' ? 0 : Number(/^learnt(\d{1,3})$/.exec(text)?.[1] ?? NaN);
  if (learnt < frame.learnt) return { learnt };
  const place = /^(\d{1,4}),(\d{1,4})$/.exec(text);
  if (!place) return standard;
  const [row, column] = [Number(place[1]), Number(place[2])];
  return row < frame.rows && column < frame.columns ? { row, column } : standard;
}

export function tokenWords(token: Token): string {
  if (token === 'mean') return 'mean over queries';
  if ('learnt' in token) return token.learnt ? `learnt token ${token.learnt}` : 'class token';
  return `row ${token.row}, column ${token.column}`;
}

/** The token at a place of the image, 0 to 1 from its left and top. */
export function tokenAt(frame: GridSize, x: number, y: number): Token | null {
  if (!(x >= 0 && x < 1 && y >= 0 && y < 1)) return null;
  return { row: Math.floor(y * frame.rows), column: Math.floor(x * frame.columns) };
}

/** The token that a key leads to; null for other keys. The learnt tokens come before the first one of the image. */
export function moveToken(token: Token, key: string, frame: TokenGrid): Token | null {
  const { learnt, rows, columns } = frame;
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  const last = learnt + rows * columns - 1;
  const tokenOf = (index: number): Token =>
    index < learnt
      ? { learnt: index }
      : { row: Math.floor((index - learnt) / columns), column: (index - learnt) % columns };
  if (key === 'Home') return tokenOf(learnt);
  if (key === 'End') return tokenOf(last);
  if (by === undefined) return null;
  if (token === 'mean') return tokenOf(learnt);
  if ('learnt' in token) return tokenOf(Math.max(0, Math.min(last, token.learnt + Math.sign(by))));
  const index = learnt + token.row * columns + token.column + by;
  // Above the first row lies the class token, if there is one.
  if (index < learnt && by < -1) return learnt ? { learnt: 0 } : token;
  return index < 0 || index > last ? token : tokenOf(index);
}

/** The place of a token in a coarser or finer map. */
export function inGrid(place: { row: number; column: number }, from: GridSize, to: GridSize): [number, number] {
  const [row, column] = [(place.row + 0.5) / from.rows, (place.column + 0.5) / from.columns];
  return [
    Math.min(to.rows - 1, Math.floor(row * to.rows)),
    Math.min(to.columns - 1, Math.floor(column * to.columns)),
  ];
}

/** The query of a layer that a token is; null is the mean over all: of `mean`, and where the layer has no such token. */
export function queryOf(of: AttentionLayer, token: Token, frame: TokenGrid): number | null {
  const grid = of.queryGrid;
  if (token === 'mean' || !grid) return null;
  if ('learnt' in token) return token.learnt < grid.learnt ? token.learnt : null;
  const [row, column] = inGrid(token, frame, grid);
  return grid.learnt + row * grid.columns + column;
}

/** What a query gives to every key: the mean over the heads first, then head by head. */
export function attentionOf(of: AttentionLayer, data: Float32Array, query: number | null): Float32Array[] {
  const { heads, queries, keys } = of;
  const rows = query === null ? Array.from({ length: queries }, (_, q) => q) : [query];
  const mean = new Float32Array(keys);
  const each = Array.from({ length: heads }, (_, head) => {
    const given = new Float32Array(keys);
    for (const row of rows) {
      const start = (head * queries + row) * keys;
      for (let key = 0; key < keys; key += 1) given[key] += data[start + key] / rows.length;
    }
    for (let key = 0; key < keys; key += 1) mean[key] += given[key] / heads;
    return given;
  });
  return [mean, ...each];
}

/** The key that gets most, and how much; NaN where no weight is a number. */
export function largest(given: Float32Array): { key: number; weight: number } {
  let key = -1;
  for (let k = 0; k < given.length; k += 1)
    if (Number.isFinite(given[k]) && !(key >= 0 && given[k] <= given[key])) key = k;
  return { key, weight: key < 0 ? NaN : given[key] };
}

/** A key by its place. */
export function keyWords(grid: TokenGrid, key: number): string {
  const place = key - grid.learnt;
  if (place < 0) return tokenWords({ learnt: key });
  return tokenWords({ row: Math.floor(place / grid.columns), column: place % grid.columns });
}

/** The weights of the image's tokens, which are drawn; not finite ones are left out. */
export const drawnWeights = (grid: TokenGrid, given: Float32Array): (number | null)[] =>
  Array.from(given.subarray(grid.learnt), (weight) => (Number.isFinite(weight) ? weight : null));

/** Numbers of a checkpoint that are read at once: 24 MB, the twelve layers of a ViT-B/16 at 224 pixels. */
const MAX_NUMBERS = 6e6;

export const numbersIn = (layers: readonly AttentionLayer[]): number =>
  layers.reduce((sum, { heads, queries, keys }) => sum + heads * queries * keys, 0);

/** The layers that are shown: the one that was chosen, all where they are not too large, else the last. */
export function shownLayers(layers: readonly AttentionLayer[], chosen: string): AttentionLayer[] {
  const one = layers.find(({ layer }) => layer.name === chosen);
  if (one) return [one];
  return numbersIn(layers) <= MAX_NUMBERS ? [...layers] : layers.slice(-1);
}

export const TILE_GAP = 8;

/** The largest of the sizes at which all heads stand in one row, or the smallest, in several rows. Sizes ascend. */
export function tileOf<T extends { width: number }>(sizes: readonly T[], tiles: number, room: number): T {
  const fits = sizes.filter(({ width }) => tiles * (width + TILE_GAP) - TILE_GAP <= room);
  return fits[fits.length - 1] ?? sizes[0];
}
