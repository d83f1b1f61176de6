/** Every question the dashboard asks, one function each. Pictures are addresses (see `pictures.ts`). */
import { address, getJson, path } from './client';
import type * as t from './types';

const run = (id: string, ...rest: (string | number)[]) => path('runs', id, ...rest);

export const runs = (signal?: AbortSignal) => getJson<t.RunList>('runs', {}, signal);
export const runDetail = (id: string, signal?: AbortSignal) => getJson<t.Run>(run(id), {}, signal);
export const graph = (id: string, signal?: AbortSignal) => getJson<t.Graph>(run(id, 'graph'), {}, signal);
export const metrics = (id: string, since?: number, signal?: AbortSignal) =>
  getJson<t.Metrics>(run(id, 'metrics'), { since }, signal);
export const layerHistory = (id: string, layer: string, signal?: AbortSignal) =>
  getJson<t.LayerHistory>(run(id, 'layers', layer, 'history'), {}, signal);
export const filterTop = (
  id: string,
  at: { checkpoint: number; layer: string; filter: number },
  limit: number,
  signal?: AbortSignal,
) =>
  getJson<t.FilterTop>(
    run(id, 'checkpoints', at.checkpoint, 'layers', at.layer, 'filters', at.filter, 'top'),
    { split: 'test', limit },
    signal,
  );
export const activity = (
  id: string,
  at: { checkpoint: number; layer: string },
  split: t.Split,
  signal?: AbortSignal,
) =>
  getJson<t.LayerActivity>(
    run(id, 'checkpoints', at.checkpoint, 'layers', at.layer, 'activity'),
    { split },
    signal,
  );
export const activityHistory = (id: string, layer: string, split: t.Split, signal?: AbortSignal) =>
  getJson<t.ActivityHistory>(run(id, 'layers', layer, 'activity'), { split }, signal);
export const weights = (id: string, signal?: AbortSignal) =>
  getJson<t.WeightHistory>(run(id, 'weights'), {}, signal);
export const predict = (id: string, checkpoint: number, image: number, signal?: AbortSignal) =>
  getJson<t.Prediction>(run(id, 'checkpoints', checkpoint, 'predict', image), {}, signal);
export const imageHistory = (id: string, image: number, signal?: AbortSignal) =>
  getJson<t.ImageHistory>(run(id, 'images', image, 'history'), {}, signal);
export const imageExampleStats = (id: string, image: number, signal?: AbortSignal) =>
  getJson<t.ImageExampleStats>(run(id, 'images', image, 'ledger'), {}, signal);
/** The images whose outputs lie nearest to an image's, among those of its split. */
export const near = (
  id: string,
  at: { checkpoint: number; image: number },
  limit: number,
  signal?: AbortSignal,
) =>
  getJson<t.NearImages>(run(id, 'checkpoints', at.checkpoint, 'images', at.image, 'near'), { limit }, signal);

export interface ListPage {
  split: t.Split;
  limit: number;
  cursor?: string | null;
  /** As `classText` writes it. */
  class?: string | null;
}
export const exampleStats = (id: string, sort: t.ExampleStatsSort, page: ListPage, signal?: AbortSignal) =>
  getJson<t.ExampleStatsPage>(run(id, 'ledger'), { sort, ...page }, signal);
export const labelIssues = (id: string, page: ListPage, signal?: AbortSignal) =>
  getJson<t.LabelIssues>(run(id, 'suspects'), { ...page }, signal);
export const predictionChanges = (
  id: string,
  request: { from: number; to: number; split: t.Split; limit: number },
  signal?: AbortSignal,
) => getJson<t.PredictionChanges>(run(id, 'moves'), { ...request }, signal);
export const confusion = (id: string, checkpoint: number, split: t.Split, signal?: AbortSignal) =>
  getJson<t.Confusion>(run(id, 'checkpoints', checkpoint, 'confusion'), { split }, signal);
export const confusionHistory = (id: string, split: t.Split, signal?: AbortSignal) =>
  getJson<t.ConfusionHistory>(run(id, 'confusion'), { split }, signal);
export const confusionCell = (
  id: string,
  cell: { checkpoint: number; trueClass: string; predicted: string },
  page: { split: t.Split; limit: number; cursor?: string | null },
  signal?: AbortSignal,
) =>
  getJson<t.CellPage>(
    run(id, 'checkpoints', cell.checkpoint, 'confusion', cell.trueClass, cell.predicted, 'images'),
    { ...page },
    signal,
  );

export interface ClusterChoice {
  split: t.Split;
  layer: string;
  metric: string;
}
export const clusters = (id: string, checkpoint: number, choice: ClusterChoice, signal?: AbortSignal) =>
  getJson<t.ClusterSet>(run(id, 'checkpoints', checkpoint, 'clusters'), { ...choice }, signal);
export const clusterHistory = (id: string, choice: ClusterChoice, signal?: AbortSignal) =>
  getJson<t.ClusterHistory>(run(id, 'clusters'), { ...choice }, signal);

export interface ImageSearch {
  q?: string;
  class?: string | null;
  split?: t.Split | null;
  limit?: number;
  cursor?: string | null;
}
export const corpora = (signal?: AbortSignal) => getJson<t.CorpusList>(path('corpora'), {}, signal);
export const images = (corpus: string, search: ImageSearch, signal?: AbortSignal) =>
  getJson<t.ImagePage>(path('corpora', corpus, 'images'), { ...search }, signal);
export const image = (corpus: string, id: number, signal?: AbortSignal) =>
  getJson<t.ImageDetail>(path('corpora', corpus, 'images', id), {}, signal);

/* --- addresses of pictures --- */

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
  normalise?: t.Normalise;
  palette?: t.Palette;
}

function sheetRoute(request: SheetRequest): string {
  const route = run(
    request.run,
    'checkpoints',
    request.checkpoint,
    'layers',
    request.layer,
    'filters',
    request.filters ?? '*',
    'channels',
    request.channels ?? '*',
  );
  return request.apply === null || request.apply === undefined
    ? route
    : `${route}/${path('apply', request.apply)}`;
}

/** One layer at one checkpoint as a PNG, one pixel per value. */
export const sheetUrl = (request: SheetRequest): string =>
  address(sheetRoute(request), {
    normalise: request.normalise,
    palette: request.palette,
    v: request.hash.slice(0, 16),
  });

/** The same as raw floats: [filters, channels, height, width]. */
export const valuesUrl = (request: SheetRequest): string =>
  address(sheetRoute(request), { format: 'f32', v: request.hash.slice(0, 16) });

export interface StripRequest {
  run: string;
  layer: string;
  checkpoints: string;
  /** Anything that changes when one of the checkpoints does. */
  version: string;
  filters?: string;
  channels?: string;
  apply?: number | null;
  normalise?: t.Normalise;
  palette?: t.Palette;
}

/** Many checkpoints of a layer in one PNG, stacked from top to bottom. */
export const stripUrl = (request: StripRequest): string =>
  address(run(request.run, 'layers', request.layer, 'strip'), {
    checkpoints: request.checkpoints,
    filters: request.filters,
    channels: request.channels,
    apply: request.apply,
    normalise: request.normalise,
    palette: request.palette,
    v: request.version,
  });

/** Corpus images side by side, without gaps, in the order of `ids`. */
export const atlasUrl = (corpus: string, identity: string, ids: number[], columns: number): string =>
  address(path('corpora', corpus, 'sheet'), { ids: ids.join(','), columns, v: identity.slice(0, 16) });

export const pixelsUrl = (corpus: string, identity: string, id: number, scale = 1): string =>
  address(path('corpora', corpus, 'images', id, 'pixels'), { scale, v: identity.slice(0, 16) });
