// Context of an image: its example statistics over the run, and similar images.
import { classText } from '../../api/className';
import { endpoint } from '../../api/client';
import type { ImageDetail, ImageExampleStats, ImageUnits, Run } from '../../api/types';
import { isOwnImage } from '../../state/imageId';
import { resource, type Resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';
import { topClass } from './data';
import { nearestConfidence } from './exampleStats';
import { similarityFrom, similarImage, type Similarity, type SimilarImages } from './similarImages';

const MAX_IMAGES = 60;
/** Units of a layer. */
const UNITS = 3;
/** Images of a cell that are searched. */
const CELL_LIMIT = 1000;

/** The images of the same split whose outputs are nearest to an image's. */
export const nearestOutputs = (run: string, checkpoint: number, image: number) =>
  endpoint('/api/runs/{run}/checkpoints/{checkpoint}/images/{image}/near', {
    run,
    checkpoint,
    image,
    limit: MAX_IMAGES,
  });

/** An image at a checkpoint. */
interface ImageAt {
  run: Run;
  checkpoint: number;
  image: Pick<ImageDetail, 'id' | 'split'> & { class: number | null };
}

export class ImageContext {
  readonly exampleStats: Resource<ImageExampleStats>;
  readonly similar: Resource<SimilarImages>;
  readonly units: Resource<ImageUnits>;

  constructor(store: Store) {
    this.exampleStats = resource<ImageExampleStats>(() => {
      const { run, image } = store;
      // Statistics hold nothing of a picture that was sent.
      if (!run || image === null || isOwnImage(image)) return null;
      return {
        key: `${run.id}/${image}/${store.statisticsVersion}`,
        tag: image,
        load: (signal) =>
          endpoint('/api/runs/{run}/images/{image}/ledger', { run: run.id, image }).json(signal),
      };
    });
    this.units = resource<ImageUnits>(() => {
      const { run, now, image } = store;
      // Not requested during playback: each answer would be replaced before it can be read.
      if (!run?.corpus.available || !now || image === null || store.player.playing) return null;
      if (now.statistics.test !== 'ready') return null;
      const at = { run: run.id, checkpoint: now.index, image, limit: UNITS };
      return {
        key: `${run.id}/${now.hash}/${image}/${store.statisticsVersion}`,
        tag: now.index,
        load: (signal) =>
          endpoint('/api/runs/{run}/checkpoints/{checkpoint}/images/{image}/units', at).json(signal),
      };
    });
    // The answer names its checkpoint in the view, so playback does not wait for it.
    this.similar = resource<SimilarImages>(() => {
      const { run, now, image, imageDetail } = store;
      const own = isOwnImage(image) ? { id: image, split: 'test' as const, class: store.imageClass } : null;
      const detail = own ?? (imageDetail?.id === image ? imageDetail : null);
      if (!run || !now || !detail || now.statistics[detail.split] !== 'ready') return null;
      const kind = chosenSimilarity(store);
      const prediction = kind === 'cell' ? store.predictions.at(store.checkpoint) : null;
      if (kind === 'cell' && !prediction) return null;
      const of = { run, checkpoint: now.index, image: detail };
      return {
        key: `${run.id}/${now.hash}/${detail.id}/${kind}/${store.statisticsVersion}`,
        tag: now.index,
        load: (signal) =>
          prediction
            ? ofCell(of, prediction, signal)
            : kind === 'cluster'
              ? ofCluster(of, signal)
              : ofOutputs(of, signal),
      };
    });
  }
}

/** The kind of similarity chosen in the address. */
export const chosenSimilarity = (store: Store): Similarity =>
  isOwnImage(store.image) ? 'outputs' : similarityFrom(store.option('image.like', 'outputs'));

const base = ({ image, checkpoint }: ImageAt) => ({ image: image.id, checkpoint, truth: image.class });

async function ofOutputs(of: ImageAt, signal: AbortSignal): Promise<SimilarImages> {
  const { run, checkpoint, image } = of;
  const { items: near } = await nearestOutputs(run.id, checkpoint, image.id).json(signal);
  return { ...base(of), kind: 'outputs', near, items: near.map((one) => similarImage(one, run.classes)) };
}

async function ofCluster(of: ImageAt, signal: AbortSignal): Promise<SimilarImages> {
  const { run, checkpoint, image } = of;
  const set = run.cluster_sets[0];
  const none: SimilarImages = { ...base(of), kind: 'cluster', cluster: null, items: [] };
  if (!set) return none;
  const choice = { run: run.id, checkpoint, split: image.split, layer: set.layer, metric: set.metric };
  const { clusters } = await endpoint('/api/runs/{run}/checkpoints/{checkpoint}/clusters', choice).json(signal);
  const own = clusters.find((one) => one.nearest.some((near) => near.id === image.id));
  if (!own) return none;
  const others = own.nearest.filter((near) => near.id !== image.id);
  const items = others.map(({ id, true_class }) => ({
    id,
    true_class,
    say: true_class === null ? '' : (run.classes[true_class] ?? ''),
  }));
  return { ...none, cluster: { index: own.index, name: own.name }, items };
}

/** Images of its cell with the nearest confidence. */
async function ofCell(of: ImageAt, prediction: readonly number[], signal: AbortSignal): Promise<SimilarImages> {
  const { run, checkpoint, image } = of;
  const predicted = topClass(prediction);
  const page = await endpoint(
    '/api/runs/{run}/checkpoints/{checkpoint}/confusion/{true_class}/{predicted}/images',
    {
      run: run.id,
      checkpoint,
      true_class: classText(run.classes, image.class ?? predicted),
      predicted: classText(run.classes, predicted),
      split: image.split,
      limit: CELL_LIMIT,
    },
  ).json(signal);
  const own = { id: image.id, probability: prediction[predicted] };
  const items = nearestConfidence(page.items, own, MAX_IMAGES).map((one) => ({
    id: one.id,
    true_class: one.true_class,
    say: `${run.classes[one.predicted] ?? ''} ${one.probability.toFixed(2)}`,
  }));
  return { ...base(of), kind: 'cell', predicted, items };
}
