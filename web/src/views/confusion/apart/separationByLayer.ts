/** How well each layer separates two classes, on an axis from chance to perfect. Pure. */
import type { Separation } from '../../../api/types';

/** Chance: half of the area under the curve. */
const CHANCE = 0.5;

export interface LayerSeparation {
  layer: string;
  /** Shares of the axis, 0 at chance, 1 at perfect. */
  all: number | null;
  interval: [number, number] | null;
  best: number;
  median: number;
  probe_area: number | null;
  /** Half of the interval, in areas. */
  error: number | null;
  best_area: number;
  best_unit: number;
  best_class: number;
}

const share = (area: number): number => Math.min(1, Math.max(0, (area - CHANCE) / (1 - CHANCE)));

/** One row a layer, the last layer on top, as the network looks from its answer. */
export function separationRows(layers: Separation['layers']): LayerSeparation[] {
  const row = (of: Separation['layers'][number]): LayerSeparation => {
    const { probe_area, probe_interval } = of;
    return {
      layer: of.layer,
      all: probe_area === null ? null : share(probe_area),
      interval: probe_interval && [share(probe_interval[0]), share(probe_interval[1])],
      best: share(of.best_area),
      median: share(of.median_area),
      probe_area,
      error: probe_interval && (probe_interval[1] - probe_interval[0]) / 2,
      best_area: of.best_area,
      best_unit: of.best_unit,
      best_class: of.best_class,
    };
  };
  return layers.map(row).reverse();
}

/** From which layer on the separation no longer grows, in words: no later layer separates the classes better. */
export function separationWords(layers: Separation['layers']): string {
  const known = layers.filter((layer) => layer.probe_area !== null && layer.probe_interval !== null);
  if (known.length < 2) return '';
  const area = (layer: Separation['layers'][number]) => layer.probe_area ?? 0;
  const last = known[known.length - 1];
  const lowest = (layer: Separation['layers'][number]) => layer.probe_interval?.[0] ?? 0;
  const best = known.reduce((max, one) => (area(one) > area(max) ? one : max));
  if (area(last) < lowest(best))
    return `best told apart in ${best.layer}: what it knows is lost on the way to ${last.layer}`;
  // The first layer whose area lies within the noise of the best one.
  const enough = known.find((layer) => area(layer) >= lowest(best));
  return enough && enough !== last
    ? `as well told apart in ${enough.layer} as at the end`
    : `told apart better and better up to ${last.layer}`;
}
