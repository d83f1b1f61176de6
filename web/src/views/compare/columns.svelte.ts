// Filters and channels shown of each layer: chosen once, by the weights of the last checkpoint, so that a filter
// stands at the same place in every row.
import { endpoint, getValues } from '../../api/client';
import { valuesUrl } from '../../api/pictureUrls';
import { numbersOf } from '../../base/format';
import type { Layer, Run } from '../../api/types';
import { resource, type Resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';
import {
  chosenFilters,
  strongestChannels,
  type ChannelChoice,
  type FilterChoice,
  type LayerFacts,
} from './data';

export interface ChosenFilters {
  layer: string;
  filters: number[];
  channels: number[] | null;
}

export interface ColumnRequest {
  layers: string[];
  filters: FilterChoice;
  channel: ChannelChoice;
}

/** The facts of a layer that the view needs. */
export function factsOf(run: Run, layer: Layer): LayerFacts {
  const shape = layer.weight_shape;
  const input = run.layers.find((one) => one.name === layer.inputs[0]);
  let kernel: [number, number] | null = null;
  if (shape?.length === 4) kernel = [shape[2], shape[3]];
  else if (shape?.length === 2 && input) kernel = [input.shape.height, input.shape.width];
  // A kernel may be as large as an image: then it is left to the Filters view.
  if (kernel && Math.max(...kernel) > 64) kernel = null;
  return {
    name: layer.name,
    of: shape && shape.length !== 6 ? shape[0] : layer.shape.channels,
    kernel,
    map: [layer.shape.height, layer.shape.width],
    channels: shape?.length === 4 ? shape[1] : (input?.shape.channels ?? layer.channels),
  };
}

async function choose(
  run: Run,
  request: ColumnRequest,
  name: string,
  at: number,
  signal: AbortSignal,
): Promise<ChosenFilters> {
  const layer = run.layers.find((one) => one.name === name);
  if (!layer) return { layer: name, filters: [], channels: null };
  const facts = factsOf(run, layer);
  let norms = new Array<number>(facts.of).fill(0);
  if (layer.weight_shape && 'strongest' in request.filters) {
    const history = await endpoint('/api/runs/{run}/layers/{layer}/history', { run: run.id, layer: name }).json(
      signal,
    );
    const known = history.filters.norm[history.checkpoints.indexOf(at)] ?? history.filters.norm.at(-1);
    norms = known ? numbersOf(known) : norms;
  }
  const filters = chosenFilters(request.filters, norms.slice(0, facts.of));
  if (!facts.kernel || !filters.length) return { layer: name, filters, channels: null };
  if (typeof request.channel === 'number') {
    return {
      layer: name,
      filters,
      channels: filters.map(() => Math.min(facts.channels - 1, request.channel as number)),
    };
  }
  if (facts.channels === 3) return { layer: name, filters, channels: null };
  const url = valuesUrl({
    run: run.id,
    checkpoint: at,
    hash: run.checkpoints[at].hash,
    layer: name,
    filters: filters.join(','),
  });
  const { shape, data } = await getValues(url, signal);
  const [k, c, h, w] = shape;
  return {
    layer: name,
    filters,
    channels: strongestChannels(
      data,
      [k, c, h, w],
      filters.map((_, n) => n),
    ),
  };
}

/** The choice for every layer of the request, as one answer. */
export function columns(store: Store, request: () => ColumnRequest | null): Resource<ChosenFilters[]> {
  const said = $derived.by(() => {
    const wanted = request();
    return wanted ? JSON.stringify({ run: store.run?.id, ...wanted }) : null;
  });
  // Fixed when first asked: a live run does not reorder the page as it grows.
  const fixed = new Map<string, number>();
  return resource<ChosenFilters[]>(() => {
    const run = store.run;
    if (!run || said === null) return null;
    const wanted = JSON.parse(said) as ColumnRequest & { run: string };
    let at = fixed.get(said);
    if (at === undefined) {
      at = run.checkpoints.length - 1;
      while (at > 0 && run.checkpoints[at].problem) at -= 1;
      fixed.set(said, at);
    }
    const last = at;
    return {
      key: said,
      load: (signal) => Promise.all(wanted.layers.map((name) => choose(run, wanted, name, last, signal))),
    };
  });
}
