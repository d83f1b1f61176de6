// The clusters of run B on the cards of run A: each on the card of the cluster with which it shares most images.
import type { ClusterSet } from '../../api/types';
import { inClassesOf, whyNotCounted } from '../../state/pairing';
import { reference } from '../../state/reference.svelte';
import { secondRun } from '../../state/secondRun.svelte';
import type { Store } from '../../state/store.svelte';
import { compared } from '../common/runs/compared.svelte';
import { decoded, NEAREST, type SetChoice } from './clusterSets.svelte';
import { atlasIds, chooseSet } from './data';
import { likestOf, partnersOf, type Likest } from './two/flow';
import { readFlow, readFlowAndSet } from './two/readFlow';

/** By cluster of A: the most similar cluster of B, and the cluster of B on the same card; null where none is left. */
interface Beside {
  likest: (Likest | null)[];
  placed: (ClusterSet['clusters'][number] | null)[];
}

export class ClustersOfB {
  readonly #store: Store;
  readonly #choice: () => SetChoice | null;
  readonly #read: ReturnType<typeof compared<Beside>>;
  /** B's clusters of the same layer and metric; of its first set where it has none of these. */
  readonly choice = $derived.by<SetChoice | null>(() => {
    const a = this.#choice();
    const set = a && chooseSet(secondRun.run?.cluster_sets ?? [], `${a.layer}.${a.metric}`);
    return a && set ? { split: a.split, layer: set.layer, metric: set.metric } : null;
  });
  /** Whether both runs have clusters of the same images. */
  readonly isComparable = $derived.by(
    () =>
      reference.isOther &&
      secondRun.run !== null &&
      !whyNotCounted(this.#store.run, secondRun.run) &&
      this.choice !== null,
  );

  /** Call while a component is being set up. `choice` is the choice of run A. */
  constructor(store: Store, choice: () => SetChoice | null) {
    this.#store = store;
    this.#choice = choice;
    this.#read = compared(store, 'clusters.beside', () => {
      const [a, b] = [choice(), this.choice];
      if (!this.isComparable || !a || !b) return null;
      const [classes, ofB] = [store.run?.classes ?? [], secondRun.run?.classes ?? []];
      return {
        key: JSON.stringify([a, b]),
        load: async (at, signal) => {
          const { flow, set } = await readFlowAndSet(
            { run: at.run, checkpoint: at.checkpoint, choice: a },
            { run: at.b, checkpoint: at.b_checkpoint, choice: b },
            signal,
          );
          await decoded(store, atlasIds(set.clusters, NEAREST));
          const placed = partnersOf(flow).map((k) => {
            const cluster = k === null ? null : set.clusters[k];
            return cluster && { ...cluster, mix: inClassesOf(classes, ofB, cluster.mix) };
          });
          return { likest: likestOf(flow), placed };
        },
      };
    });
  }

  readonly shown = $derived.by<Beside | null>(() =>
    this.isComparable ? (this.#read.shown?.found ?? null) : null,
  );

  /**
   * Reads the dissimilarity, 0 to 1, of every cluster of A at a checkpoint to the most similar cluster of B at the aligned
   * checkpoint. Null where the two runs cannot be compared.
   */
  get readDissimilarity(): ((checkpoint: number, choice: SetChoice) => Promise<number[]>) | null {
    const [run, b, ofB] = [this.#store.run, secondRun.run, this.choice];
    if (!this.isComparable || !run || !b || !ofB) return null;
    return async (checkpoint, choice) => {
      const under = secondRun.under(checkpoint);
      if (!under) return [];
      const flow = await readFlow(
        { run: run.id, checkpoint, choice },
        { run: b.id, checkpoint: under.index, choice: ofB },
      );
      return likestOf(flow).map((one) => 1 - (one?.share ?? 0));
    };
  }
}
