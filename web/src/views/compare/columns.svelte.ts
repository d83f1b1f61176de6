// Filters and channels shown of each layer: chosen once, by the weights of the last checkpoint, so that a filter
// is at the same position in every row.
import { endpoint, getValues } from '../../api/client';
import { valuesUrl } from '../../api/pictureUrls';
import { numbersOf } from '../../base/format';
import type { Layer, Run } from '../../api/types';
import { resource, type Resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';
import { rectifierOf } from '../common/activity';
import { chosenFilters, strongestChannels, type ChannelChoice, type FilterChoice } from './data';
import type { LayerFacts } from './layout';
import { relativeChanges, selectivity, type ChosenBy } from './measures';

export interface ChosenFilters {
  run: string;
  layer: string;
  filters: number[];
  channels: number[] | null;
}

export interface ColumnRequest {
  layers: string[];
  filters: FilterChoice;
  channel: ChannelChoice;
  by: ChosenBy;
}

/** The most weights of a layer that are read to tell how far they changed. */
export const MAX_COMPARED = 4 << 20;
/** Statistics keep class means up to so many classes. */
const MAX_CLASSES = 100;

interface At {
  run: Run;
  layer: Layer;
  /** The last checkpoint when the page was opened, that the choice is made by. */
  at: number;
  signal: AbortSignal;
}

async function norms({ run, layer, at, signal }: At): Promise<number[] | null> {
  const history = await endpoint('/api/runs/{run}/layers/{layer}/history', {
    run: run.id,
    layer: layer.name,
  }).json(signal);
  const known = history.filters.norm[history.checkpoints.indexOf(at)] ?? history.filters.norm.at(-1);
  return known ? numbersOf(known) : null;
}

async function changes({ run, layer, at, signal }: At): Promise<number[] | null> {
  const [, channels, high, wide] = layer.sheet_shape ?? [0, 0, 0, 0];
  const first = run.checkpoints.findIndex((one) => !one.problem);
  const [now, then] = await Promise.all(
    [at, first].map((checkpoint) =>
      getValues(
        valuesUrl({ run: run.id, checkpoint, hash: run.checkpoints[checkpoint].hash, layer: layer.name }),
        signal,
      ),
    ),
  );
  return relativeChanges(now.data, then.data, channels * high * wide);
}

/** Behind the layer's rectifier, where the activations are what the next layer sees. */
async function selectivities({ run, layer, at, signal }: At): Promise<number[] | null> {
  const answer = await endpoint('/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/activity', {
    run: run.id,
    checkpoint: at,
    layer: rectifierOf(run.layers, layer.name) ?? layer.name,
    split: 'test',
  }).json(signal);
  return answer.classes?.mean.map(selectivity) ?? null;
}

const MEASURES: Record<ChosenBy, (of: At) => Promise<number[] | null>> = {
  norm: norms,
  change: changes,
  selective: selectivities,
};

/** Why filters cannot be chosen by a measure; empty where they can. */
export function whyNot(by: ChosenBy, run: Run | null, names: readonly string[]): string {
  const layers = (run?.layers ?? []).filter((layer) => names.includes(layer.name));
  if (by === 'selective' && run?.checkpoints.findLast((one) => !one.problem)?.statistics.test !== 'ready')
    return 'comes with the statistics: deepviz stats';
  if (by === 'selective' && (run?.classes.length ?? 0) > MAX_CLASSES)
    return `with more than ${MAX_CLASSES} classes no class means are kept`;
  const large = layers.find((layer) => layer.parameters > MAX_COMPARED);
  if (by === 'change' && large) return `${large.name} has too many weights to compare here`;
  return '';
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
  const of = { run: run.id, layer: name };
  if (!layer) return { ...of, filters: [], channels: null };
  const facts = factsOf(run, layer);
  let values = new Array<number>(facts.of).fill(0);
  if ('strongest' in request.filters && (layer.weight_shape || request.by === 'selective'))
    values = (await MEASURES[request.by]({ run, layer, at, signal })) ?? values;
  const filters = chosenFilters(request.filters, values.slice(0, facts.of));
  if (!facts.kernel || !filters.length) return { ...of, filters, channels: null };
  if (typeof request.channel === 'number') {
    return {
      ...of,
      filters,
      channels: filters.map(() => Math.min(facts.channels - 1, request.channel as number)),
    };
  }
  if (facts.channels === 3) return { ...of, filters, channels: null };
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
    ...of,
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
  const choiceText = $derived.by(() => {
    const wanted = request();
    return wanted ? JSON.stringify({ run: store.run?.id, ...wanted }) : null;
  });
  // Fixed when first asked: a live run does not reorder the page as it grows.
  const fixed = new Map<string, number>();
  return resource<ChosenFilters[]>(() => {
    const run = store.run;
    if (!run || choiceText === null) return null;
    const wanted = JSON.parse(choiceText) as ColumnRequest & { run: string };
    let at = fixed.get(choiceText);
    if (at === undefined) {
      at = run.checkpoints.length - 1;
      while (at > 0 && run.checkpoints[at].problem) at -= 1;
      fixed.set(choiceText, at);
    }
    const last = at;
    return {
      key: choiceText,
      load: (signal) => Promise.all(wanted.layers.map((name) => choose(run, wanted, name, last, signal))),
    };
  });
}
