/** The colour range of the chosen layer's weights over the whole run, while each checkpoint has one of its own. */
import { pictures } from '../../api/pictures';
import { sheetUrl } from '../../api/pictureUrls';
import { resource } from '../../state/resource.svelte';
import type { Store } from '../../state/store.svelte';

export class WholeRange {
  readonly #limit;
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
    this.#limit = resource<{ layer: string; run: string; limit: number }>(() => {
      const { run, layerInfo: layer } = store;
      const newest = run?.checkpoints.findLast((point) => !point.problem);
      if (!run || !newest || !layer?.sheet_shape || store.option('scale', 'sheet') !== 'sheet') return null;
      // One kernel of one checkpoint: its header contains the range, which the film of the pinned filter needs, too.
      const url = sheetUrl({
        run: run.id,
        checkpoint: newest.index,
        hash: newest.hash,
        layer: layer.name,
        filters: '0',
        channels: '0',
        normalise: 'timeline',
      });
      return {
        key: url,
        load: async () => {
          const { sheet } = await pictures.load(url);
          return { layer: layer.name, run: run.id, limit: sheet?.limit ?? 0 };
        },
      };
    });
  }

  /** Null until it is known, and where another normalisation is chosen. */
  get limit(): number | null {
    const { value } = this.#limit;
    const { run, layer } = this.#store;
    if (this.#store.option('scale', 'sheet') !== 'sheet') return null;
    return value && value.layer === layer && value.run === run?.id ? value.limit : null;
  }
}
