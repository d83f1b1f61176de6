// The unit of B that one of A matches, at the checkpoints under the playheads, and B's history of it.
import { endpoint } from '../../../api/client';
import type { ActivityHistory, LayerHistory, MatchedUnits, Run } from '../../../api/types';
import { fixed } from '../../../base/format';
import { reference } from '../../../state/reference.svelte';
import { onClock } from '../../../state/pairing';
import { resource, type Resource } from '../../../state/resource.svelte';
import { secondRun } from '../../../state/secondRun.svelte';
import { rectifierOf } from '../activity';
import { comparedLayersOf, counterpart, type ComparedLayers } from './layers';

/** Matches are requested only when the playhead rests. */
const REST_MS = 150;

export interface UnitOfA {
  layer: string;
  filter: number;
}
/** The matched unit of B, and the correlation of the two over images and positions. */
export interface Match {
  layer: string;
  filter: number;
  correlation: number;
}

type Kept<T> = { key: string; found: T };

export class MatchedUnit {
  readonly #run: () => Run | null;
  readonly #unit: () => UnitOfA | null;
  readonly #layers: Resource<Kept<ComparedLayers>>;
  readonly #units: Resource<Kept<MatchedUnits>>;
  readonly #activity: Resource<ActivityHistory>;
  readonly #weights: Resource<LayerHistory>;

  /** The key of the two runs, without their checkpoints. */
  readonly #pair = $derived.by(() => `${this.#run()?.id}\n${secondRun.id}`);

  /** Call while a component is being set up; null requests nothing. `weights` are read where they are shown. */
  constructor(run: () => Run | null, unit: () => UnitOfA | null, { weights = false } = {}) {
    this.#run = run;
    this.#unit = () => (reference.isOther ? unit() : null);
    const about = <T>(key: string, load: (signal: AbortSignal) => Promise<T>) => ({
      key: `${secondRun.key}/${key}`,
      subject: { name: secondRun.key, ms: REST_MS },
      load: async (signal: AbortSignal) => ({ key: `${this.#pair}/${key}`, found: await load(signal) }),
    });
    this.#layers = resource(() => {
      const { at } = secondRun;
      if (!this.#unit() || !at || this.#same) return null;
      return about('layers', async (signal) =>
        comparedLayersOf(
          await endpoint('/api/runs/{run}/checkpoints/{checkpoint}/compare/layers', at).json(signal),
        ),
      );
    });
    this.#units = resource(() => {
      const [{ at }, layer, b_layer] = [secondRun, this.#unit()?.layer, this.opposite];
      if (!at || !layer || !b_layer) return null;
      return about(`${layer}/${b_layer}`, (signal) =>
        endpoint('/api/runs/{run}/checkpoints/{checkpoint}/compare/units', { ...at, layer, b_layer }).json(
          signal,
        ),
      );
    });
    this.#activity = resource(() => {
      const [b, source, match] = [secondRun.run, this.#source, this.match];
      const ready = b?.checkpoints.filter((one) => one.statistics.test === 'ready').length ?? 0;
      if (!b || !source || !match || ready === 0) return null;
      const asked = { run: b.id, layer: source, filters: String(match.filter), split: 'test' as const };
      return {
        key: `${b.id}/${source}/${match.filter}/${ready}`,
        load: (signal) => endpoint('/api/runs/{run}/layers/{layer}/activity', asked).json(signal),
      };
    });
    this.#weights = resource(() => {
      const [b, match] = [secondRun.run, this.match];
      if (!weights || !b || !match || !this.#layerOfB?.sheet_shape) return null;
      return {
        key: `${b.id}/${match.layer}/${b.checkpoints.length}`,
        load: (signal) =>
          endpoint('/api/runs/{run}/layers/{layer}/history', { run: b.id, layer: match.layer }).json(signal),
      };
    });
  }

  /** Both networks have the same layers, so that each is matched with itself. */
  readonly #same = $derived.by(() => {
    const [a, b] = [this.#run(), secondRun.run].map((run) => run?.layers.filter((one) => one.weight_shape));
    return a !== undefined && a.length === b?.length && a.every(({ name }, n) => name === b[n].name);
  });

  /** The layer of B opposite; null before it is known, and where the unit's layer has no weights or was left out. */
  readonly opposite = $derived.by<string | null>(() => {
    const [a, layer] = [this.#run(), this.#unit()?.layer];
    if (!layer || !a?.layers.find((one) => one.name === layer)?.weight_shape) return null;
    if (this.#same) return layer;
    const { value, error } = this.#layers;
    if (error || value?.key !== `${this.#pair}/layers` || !value.found.a.includes(layer)) return null;
    return counterpart(value.found, layer, '');
  });

  readonly #found = $derived.by<MatchedUnits | null>(() => {
    const { value, error } = this.#units;
    const key = `${this.#pair}/${this.#unit()?.layer}/${this.opposite}`;
    return !error && value?.key === key ? value.found : null;
  });

  /** Null where B has none that agrees by more than chance, and where that is not known. */
  readonly match = $derived.by<Match | null>(() => {
    const pair = this.#found?.pairs.find(({ a }) => a === this.#unit()?.filter);
    return pair && this.#found
      ? { layer: this.#found.b_layer, filter: pair.b, correlation: pair.correlation }
      : null;
  });

  /** A match in a second run is looked for. */
  readonly isAsked = $derived.by(() => this.#unit() !== null);
  /** What is drawn of B, in few words and in more; empty while nothing is known of it. */
  readonly says = $derived.by(() => this.#words(false));
  readonly title = $derived.by(() => this.#words(true));
  #words(isLong: boolean): string {
    const [{ match }, layer] = [this, this.#unit()?.layer];
    if (!this.#found) return '';
    if (!match) return 'no match in B';
    const of = isLong && match.layer !== layer ? ` of ${match.layer}` : '';
    return `${isLong ? 'dashed: ' : ''}B ${match.filter}${of}, r ${fixed(match.correlation, 2)}`;
  }

  /** The history of how often it is active; over positions only for rectified units. */
  activeSays(byPosition: boolean): string {
    const { match } = this;
    return match && byPosition && !this.isRectified ? `B ${match.filter}: no ReLU` : this.says;
  }

  readonly #layerOfB = $derived.by(
    () => secondRun.run?.layers.find((one) => one.name === this.match?.layer) ?? null,
  );
  /** Whether a rectifier cuts it off. */
  readonly isRectified = $derived.by(
    () => this.match !== null && rectifierOf(secondRun.run?.layers ?? [], this.match.layer) !== null,
  );
  readonly #source = $derived.by(
    () => this.match && (rectifierOf(secondRun.run?.layers ?? [], this.match.layer) ?? this.match.layer),
  );

  /** How often it is active at the checkpoint of B that is aligned with each one of A; NaN where that is not known. */
  shares(checkpoints: readonly number[], byPosition: boolean): number[] {
    const { value } = this.#activity;
    const isOf = value && value.layer === this.#source && value.filters[0] === this.match?.filter;
    if (!isOf || (byPosition && !this.isRectified)) return [];
    const shares = byPosition
      ? value.zeros.map(([zeros]) => 1 - zeros)
      : value.active.map(([active]) => active);
    return onClock(secondRun.clock, checkpoints, value.checkpoints).map((n) => shares[n] ?? Number.NaN);
  }

  /** The norm of its weights, or its bias, at the checkpoint of B that is aligned with each one of A. */
  weights(of: 'norm' | 'bias', checkpoints: readonly number[]): number[] {
    const { value, key } = this.#weights;
    const [match, b] = [this.match, secondRun.id];
    if (!value || !match || !key?.startsWith(`${b}/${match.layer}/`)) return [];
    const table = value.filters[of];
    return onClock(secondRun.clock, checkpoints, value.checkpoints).map(
      (n) => table[n]?.[match.filter] ?? Number.NaN,
    );
  }
}
