// What stands beside an image: what became of it over the run, and the images that the network takes for its like.
import { classText } from '../../api/className';
import * as routes from '../../api/routes';
import type { ImageDetail, ImageLedger, Run } from '../../api/types';
import { resource, type Resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';
import { topClass } from './data';
import { likeConfidence } from './ledger';
import { kindOf, nearItem, type Kind, type Like } from './like';

const MOST = 60;
/** Images of a cell that are looked through. */
const LOOK_THROUGH = 1000;

/** An image at a checkpoint. */
interface Of {
  run: Run;
  checkpoint: number;
  image: ImageDetail;
}

export class Beside {
  readonly ledger: Resource<ImageLedger>;
  readonly like: Resource<Like>;

  constructor(store: Store) {
    this.ledger = resource<ImageLedger>(() => {
      const { run, image } = store;
      if (!run || image === null) return null;
      return {
        key: `${run.id}/${image}/${store.statistics}`,
        tag: image,
        load: (signal) => routes.imageLedger(run.id, image, signal),
      };
    });
    // It says itself which checkpoint it is of, so the clock does not wait for it.
    this.like = resource<Like>(() => {
      const { run, now, image, imageDetail } = store;
      const detail = imageDetail?.id === image ? imageDetail : null;
      if (!run || !now || !detail || now.statistics[detail.split] !== 'ready') return null;
      const kind = likeKind(store);
      const said = kind === 'cell' ? store.predictions.at(store.checkpoint) : null;
      if (kind === 'cell' && !said) return null;
      const of = { run, checkpoint: now.index, image: detail };
      return {
        key: `${run.id}/${now.hash}/${detail.id}/${kind}/${store.statistics}`,
        tag: now.index,
        load: (signal) =>
          said ? ofCell(of, said, signal) : kind === 'cluster' ? ofCluster(of, signal) : ofOutputs(of, signal),
      };
    });
  }
}

/** In which sense, by the address. */
export const likeKind = (store: Store): Kind => kindOf(store.option('image.like', 'outputs'));

const base = ({ image, checkpoint }: Of) => ({ image: image.id, checkpoint, truth: image.class });

async function ofOutputs(of: Of, signal: AbortSignal): Promise<Like> {
  const { run, checkpoint, image } = of;
  const { items: near } = await routes.near(run.id, { checkpoint, image: image.id }, MOST, signal);
  return { ...base(of), kind: 'outputs', near, items: near.map((one) => nearItem(one, run.classes)) };
}

async function ofCluster(of: Of, signal: AbortSignal): Promise<Like> {
  const { run, checkpoint, image } = of;
  const set = run.cluster_sets[0];
  const none: Like = { ...base(of), kind: 'cluster', cluster: null, items: [] };
  if (!set) return none;
  const choice = { split: image.split, layer: set.layer, metric: set.metric };
  const { clusters } = await routes.clusters(run.id, checkpoint, choice, signal);
  const own = clusters.find((one) => one.nearest.some((near) => near.id === image.id));
  if (!own) return none;
  const others = own.nearest.filter((near) => near.id !== image.id);
  const items = others.map(({ id, true_class }) => ({ id, true_class, say: run.classes[true_class] ?? '' }));
  return { ...none, cluster: { index: own.index, name: own.name }, items };
}

/** The images of its cell whose confidence is like its own. */
async function ofCell(of: Of, said: readonly number[], signal: AbortSignal): Promise<Like> {
  const { run, checkpoint, image } = of;
  const predicted = topClass(said);
  const page = await routes.confusionCell(
    run.id,
    {
      checkpoint,
      trueClass: classText(run.classes, image.class),
      predicted: classText(run.classes, predicted),
    },
    { split: image.split, limit: LOOK_THROUGH },
    signal,
  );
  const own = { id: image.id, probability: said[predicted] };
  const items = likeConfidence(page.items, own, MOST).map((one) => ({
    id: one.id,
    true_class: one.true_class,
    say: `${run.classes[one.predicted] ?? ''} ${one.probability.toFixed(2)}`,
  }));
  return { ...base(of), kind: 'cell', predicted, items };
}
