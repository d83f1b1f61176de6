/** What the second run makes of the selected image: for every layer of A the one of B opposite it, its maps in matched order. */
import { untrack } from 'svelte';
import type { Layer, MatchedUnits } from '../../../api/types';
import { whyNotAsked } from '../../../state/pairing';
import { secondRun } from '../../../state/secondRun.svelte';
import type { Store } from '../../../state/store.svelte';
import { isClassLayer } from '../../common/classLayer';
import { LayerPairs } from '../../common/runs/layerPairs.svelte';
import { OppositeLayers } from '../../common/runs/oppositeLayers.svelte';
import { Activations, type LayerStrip } from '../activations.svelte';
import { classOrder, matchedOrder, ownOrder, type Order } from './order';

/** The layer of B that is compared with one of A, and its maps. */
export interface Opposite {
  layer: Layer;
  strip: LayerStrip | null;
  /** Null while the filters are being matched. */
  order: Order | null;
  kind: 'matched' | 'classes' | 'own';
  matched?: MatchedUnits;
}

const named = (layers: readonly Layer[], name: string) => layers.find((one) => one.name === name) ?? null;

export class SecondMaps {
  readonly #store: Store;
  readonly #pairs: LayerPairs;
  readonly activations: Activations;
  readonly #opposite: OppositeLayers;
  readonly why = $derived.by(() => whyNotAsked(this.#store.run, secondRun.run, this.#store.image));
  /** Matchings by the layer of A; one of an earlier checkpoint stays until the next is known. */
  #matched = $state.raw<{ of: string; layers: ReadonlyMap<string, MatchedUnits> }>({
    of: '',
    layers: new Map(),
  });
  readonly #runs = $derived.by(() => `${this.#store.run?.id}\n${secondRun.id}`);

  /** Call while a component is being set up. */
  constructor(store: Store) {
    this.#store = store;
    this.#opposite = new OppositeLayers(store, 'image.similar', () => !this.why);
    this.activations = new Activations(
      {
        get run() {
          return secondRun.run;
        },
        get checkpoint() {
          return secondRun.checkpoint ?? -1;
        },
        get direction() {
          return store.direction;
        },
        staleViews: store.staleViews,
      },
      () => ({ layers: [...new Set(this.#opposite.all.values())], image: this.why ? null : store.image }),
      'image.b',
    );
    this.#pairs = new LayerPairs(() => this.#wanted());
    $effect(() => {
      const { found } = this.#pairs;
      untrack(() => this.#hold(found));
    });
  }

  get similar() {
    return this.#opposite.similar;
  }

  #wanted() {
    const { at, key } = secondRun;
    if (!at || this.why || this.#opposite.all.size === 0 || this.#store.player.playing) return null;
    const layers = [...this.#opposite.all]
      .filter(([name]) => !this.#isClasses(name))
      .map(([layer, b]) => ({ layer, b_layer: b.name }));
    return { key: `${key}/${this.#store.statisticsVersion}`, at, layers };
  }

  #hold(found: readonly MatchedUnits[]): void {
    const of = this.#runs;
    const kept = of === this.#matched.of ? this.#matched.layers : [];
    const layers = new Map([...kept, ...found.map((one): [string, MatchedUnits] => [one.layer, one])]);
    this.#matched = { of, layers };
  }

  #isClasses(name: string): boolean {
    const [a, b] = [named(this.#opposite.a, name), this.#opposite.all.get(name) ?? null];
    const [ofA, ofB] = [this.#store.run?.classes ?? [], secondRun.run?.classes ?? []];
    return isClassLayer(a, ofA.length) && isClassLayer(b, ofB.length);
  }

  /** What of B is shown below a layer of A; null where nothing does. */
  under(layer: Layer): Opposite | null {
    const b = this.#opposite.all.get(layer.name);
    if (!b || this.why) return null;
    const { shown } = this.activations;
    const strip = shown?.strips.find((one) => one.layer.name === b.name) ?? null;
    const fresh = shown?.image === this.#store.image ? strip : null;
    if (this.#isClasses(layer.name)) {
      const order = classOrder(this.#store.run?.classes ?? [], secondRun.run?.classes ?? []);
      return { layer: b, strip: fresh, order, kind: 'classes' };
    }
    const matched = this.#matched.of === this.#runs ? this.#matched.layers.get(layer.name) : undefined;
    const filters = layer.shape.channels;
    if (matched?.b_layer === b.name)
      return { layer: b, strip: fresh, order: matchedOrder(matched, filters), kind: 'matched', matched };
    const isRead = this.#pairs.read === `${secondRun.key}/${this.#store.statisticsVersion}`;
    const order = isRead ? ownOrder(filters, b.shape.channels) : null;
    return { layer: b, strip: fresh, order, kind: 'own' };
  }
}
