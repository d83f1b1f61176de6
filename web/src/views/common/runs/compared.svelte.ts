/** Answers about the two checkpoints under the playheads; what was read for other runs is never handed out. */
import { endpoint } from '../../../api/client';
import type { TwoCheckpoints } from '../../../state/pairing';
import { resource } from '../../../state/resource.svelte';
import { secondRun } from '../../../state/secondRun.svelte';
import type { Store } from '../../../state/store.svelte';
import { comparedLayersOf, type ComparedLayers } from './layers';

/** Comparisons are requested only when the playhead rests. */
const REST_MS = 150;

export interface Compared<T> {
  at: TwoCheckpoints;
  key: string;
  /** The key of the two checkpoints, without the question about them. */
  atKey: string;
  found: T;
}

/** `ask` returns a part of the key and the request; null requests nothing. Call while a component is being set up. */
export function compared<T>(
  store: Store,
  view: string,
  ask: () => { key: string; load: (at: TwoCheckpoints, signal: AbortSignal) => Promise<T> } | null,
) {
  const read = resource<Compared<T>>(
    () => {
      const { at, key: atKey } = secondRun;
      const wanted = at && ask();
      if (!at || !wanted) return null;
      const key = `${atKey}/${wanted.key}/${store.statisticsVersion}`;
      return {
        key,
        tag: at.checkpoint,
        subject: { name: atKey, ms: REST_MS },
        load: async (signal) => ({ at, key, atKey, found: await wanted.load(at, signal) }),
      };
    },
    { view, store },
  );
  return {
    read,
    get shown(): Compared<T> | null {
      const value = read.error ? null : read.value;
      return value && value.at.run === store.run?.id && value.at.b === secondRun.id ? value : null;
    },
  };
}

/** How similar the layers of the two are. */
export const similarLayers = (store: Store, view: string) =>
  compared<ComparedLayers>(store, view, () => ({
    key: 'layers',
    load: async (at, signal) =>
      comparedLayersOf(
        await endpoint('/api/runs/{run}/checkpoints/{checkpoint}/compare/layers', at).json(signal),
      ),
  }));
