// What stands beside an image: what became of it over the run, and the images that the network takes for its like.
import * as routes from '../../api/routes';
import type { ImageLedger } from '../../api/types';
import { resource, type Resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';
import { likeConfidence } from './ledger';
import { topClass } from './data';

const MOST = 60;
/** Images of a cell that are looked through. */
const LOOK_THROUGH = 1000;

export interface Like {
  image: number;
  checkpoint: number;
  /** Its cluster, where it is among those nearest to the centre; else the images of its cell. */
  cluster: { index: number; name: string } | null;
  cell: { truth: number; predicted: number };
  items: { id: number; say: string }[];
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
      const said = store.predictions.at(store.checkpoint);
      if (!run || !now || image === null || !detail || !said) return null;
      if (now.statistics[detail.split] !== 'ready') return null;
      const set = run.cluster_sets[0];
      const cell = { truth: detail.class, predicted: topClass(said) };
      return {
        key: `${run.id}/${now.hash}/${image}/${store.statistics}`,
        tag: now.index,
        load: async (signal) => {
          const base = { image, checkpoint: now.index, cell };
          const name = (k: number | null) => (k === null ? '' : (run.classes[k] ?? ''));
          if (set) {
            const choice = { split: detail.split, layer: set.layer, metric: set.metric };
            const { clusters } = await routes.clusters(run.id, now.index, choice, signal);
            const own = clusters.find((one) => one.nearest.some((near) => near.id === image));
            if (own) {
              const items = own.nearest
                .filter((near) => near.id !== image)
                .map((near) => ({ id: near.id, say: name(near.true_class) }));
              return { ...base, cluster: { index: own.index, name: own.name }, items };
            }
          }
          const page = await routes.confusionCell(
            run.id,
            { checkpoint: now.index, trueClass: cell.truth, predicted: cell.predicted },
            { split: detail.split, limit: LOOK_THROUGH },
            signal,
          );
          const own = { id: image, probability: said[cell.predicted] };
          const items = likeConfidence(page.items, own, MOST).map((one) => ({
            id: one.id,
            say: `${name(one.predicted)} ${one.probability.toFixed(2)}`,
          }));
          return { ...base, cluster: null, items };
        },
      };
    });
  }
}
