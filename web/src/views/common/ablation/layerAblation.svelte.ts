/** What each class loses without each filter of a layer, at the checkpoint on the screen. */
import { endpoint } from '../../../api/client';
import type { LayerAblation } from '../../../api/types';
import { resource, type Resource } from '../../../state/resource.svelte';
import type { Store } from '../../../state/store.svelte';
import { allowedLimit } from './effect';

/** While one scrubs, the checkpoint that one stays at is measured: each takes the server a while. */
const SCRUB_MS = 300;
/** Images for layers of single units, which are fast. */
const MORE_IMAGES = 2000;

export interface Measured {
  url: string;
  answer: LayerAblation;
}

export function layerAblation(store: Store, layer: () => string | null): Resource<Measured> {
  return resource<Measured>(() => {
    const { run, now } = store;
    const name = layer();
    if (!run || !now || now.problem || name === null || !run.corpus.available) return null;
    const shape = run.layers.find((one) => one.name === name)?.shape;
    const isFlat = shape !== undefined && shape.height * shape.width === 1;
    return {
      key: `${run.id}/${now.hash}/${name}/${store.statisticsVersion}`,
      tag: now.index,
      subject: { name: `${run.id}/${now.hash}`, ms: SCRUB_MS },
      load: async (signal) => {
        const path = '/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/ablation' as const;
        const at = { run: run.id, checkpoint: now.index, layer: name, split: 'test' };
        const measure = async (limit?: number): Promise<Measured> => {
          const asked = endpoint(path, { ...at, limit });
          return { url: asked.url, answer: await asked.json(signal) };
        };
        /** Over as many images as the server takes at most, where that is fewer. */
        const measureAllowed = (asked?: number): Promise<Measured> =>
          measure(asked).catch((error: unknown) => {
            const limit = allowedLimit(error);
            if (limit === null) throw error;
            return measure(limit);
          });
        const first = await measureAllowed();
        // The stored effects are over more images than those that are computed on request.
        return first.answer.stored || !isFlat ? first : measureAllowed(MORE_IMAGES);
      },
    };
  });
}
