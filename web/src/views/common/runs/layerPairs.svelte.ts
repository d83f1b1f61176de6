/** The matched filters of every layer with weights, one layer after the other, while the playheads rest. */
import { untrack } from 'svelte';
import { endpoint, isAbort } from '../../../api/client';
import type { MatchedUnits } from '../../../api/types';
import type { TwoCheckpoints } from '../../../state/pairing';

/** More layers are not read: each is a matching of its own. */
export const MAX_LAYERS = 20;
const REST_MS = 400;

export interface WantedPairs {
  key: string;
  at: TwoCheckpoints;
  layers: { layer: string; b_layer: string }[];
}

export class LayerPairs {
  found = $state.raw<MatchedUnits[]>([]);
  /** The key of what was read to its end. */
  read = $state.raw('');

  constructor(wanted: () => WantedPairs | null) {
    $effect(() => {
      const asked = wanted();
      return untrack(() => (asked && asked.key !== this.read ? this.#read(asked) : undefined));
    });
  }

  #read({ key, at, layers }: WantedPairs): () => void {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      void (async () => {
        const found: MatchedUnits[] = [];
        for (const pair of layers.slice(0, MAX_LAYERS)) {
          try {
            found.push(
              await endpoint('/api/runs/{run}/checkpoints/{checkpoint}/compare/units', { ...at, ...pair }).json(
                abort.signal,
              ),
            );
          } catch (error) {
            if (isAbort(error) || abort.signal.aborted) return;
            // One pair of layers that cannot be matched leaves the others.
          }
          if (abort.signal.aborted) return;
          // The first result of a new key replaces those of the key before.
          this.found = [...found];
        }
        this.read = key;
      })();
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }
}
