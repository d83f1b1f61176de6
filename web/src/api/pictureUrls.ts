/** Addresses of pictures and raw values (see `pictures.ts`), each with the hash under which the browser may keep it. */
import { endpoint } from './client';
import type { Normalise, Palette, WeightSpace } from './types';

export interface SheetRequest {
  run: string;
  checkpoint: number;
  /** The checkpoint's hash: with it in the address the browser may keep the picture for ever. */
  hash: string;
  layer: string;
  filters?: string;
  channels?: string;
  /** Apply the layer to this corpus image: activations instead of weights. */
  apply?: number | null;
  /** What weights are shown as filters over: the layer's input, or the image's pixels. */
  space?: WeightSpace;
  normalise?: Normalise;
  palette?: Palette;
}

const SHEET =
  '/api/runs/{run}/checkpoints/{checkpoints}/layers/{layers}/filters/{filters}/channels/{channels}' as const;

function sheetOf(request: SheetRequest, query: { normalise?: Normalise; palette?: Palette; format?: string }) {
  const { run, checkpoint, layer, filters = '*', channels = '*', apply = null, space, hash } = request;
  const sheet = {
    run,
    checkpoints: checkpoint,
    layers: layer,
    filters,
    channels,
    ...query,
    v: hash.slice(0, 16),
  };
  if (apply === null) return endpoint(SHEET, { ...sheet, space: space === 'pixels' ? space : undefined });
  return endpoint(`${SHEET}/apply/{image}`, { ...sheet, image: apply });
}

/** One layer at one checkpoint as a PNG, one pixel per value. */
export const sheetUrl = (request: SheetRequest): string =>
  sheetOf(request, { normalise: request.normalise, palette: request.palette }).url;

/** The same as raw floats: [filters, channels, height, width]. */
export const valuesUrl = (request: SheetRequest): string => sheetOf(request, { format: 'f32' }).url;

/** The geometry of a sheet, and its values where there are few. */
export const geometryOf = (request: SheetRequest) => sheetOf(request, { format: 'json' });

export interface StripRequest {
  run: string;
  layer: string;
  checkpoints: string;
  /** Anything that changes when one of the checkpoints does. */
  version: string;
  filters?: string;
  channels?: string;
  apply?: number | null;
  space?: WeightSpace;
  normalise?: Normalise;
  palette?: Palette;
}

/** Many checkpoints of a layer in one PNG, stacked from top to bottom. */
export const stripUrl = (request: StripRequest): string =>
  endpoint('/api/runs/{run}/layers/{layer}/strip', {
    run: request.run,
    layer: request.layer,
    checkpoints: request.checkpoints,
    filters: request.filters,
    channels: request.channels,
    apply: request.apply,
    space: request.space === 'pixels' ? request.space : undefined,
    normalise: request.normalise,
    palette: request.palette,
    v: request.version,
  }).url;

/** Corpus images side by side, without gaps, in the order of `ids`. */
export const atlasUrl = (corpus: string, identity: string, ids: number[], columns: number): string =>
  endpoint('/api/corpora/{corpus}/sheet', { corpus, ids: ids.join(','), columns, v: identity.slice(0, 16) })
    .url;

/** One corpus image, for an `<img>` or a link. */
export const imageUrl = (corpus: string, identity: string, image: number, scale = 1): string =>
  endpoint('/api/corpora/{corpus}/images/{image}/pixels', { corpus, image, scale, v: identity.slice(0, 16) })
    .url;
