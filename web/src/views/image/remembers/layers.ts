/** The layers whose inversion of an image is shown, and its description. Pure. */
import type { Layer } from '../../../api/types';
import { percent, plural } from '../../../base/format';
import { switchableLayers } from '../../../state/offUnits';
import { rectifierOf } from '../../common/activity';

type Known = Pick<Layer, 'name' | 'type' | 'inputs' | 'shape' | 'weight_shape' | 'rectifier'>;

/** Layers with weights, but that of the classes, each where its outputs leave it: behind its rectifier. */
export function rememberingLayers(layers: readonly Known[], classes: number): string[] {
  const places = switchableLayers(layers, classes).map((name) => rectifierOf(layers, name) ?? name);
  return [...new Set(places)];
}

/** Up to `max` of them, evenly spaced from the first to the last. */
export function someOf<T>(all: readonly T[], max: number): T[] {
  if (all.length <= max) return [...all];
  if (max <= 1) return all.slice(-1);
  return Array.from({ length: max }, (_, n) => all[Math.round((n * (all.length - 1)) / (max - 1))]);
}

/** The layer over time, unless one is chosen: the last that still has maps. */
export function usualLayer(names: readonly string[], layers: readonly Pick<Layer, 'name' | 'shape'>[]): string {
  const hasMaps = (name: string) => {
    const shape = layers.find((layer) => layer.name === name)?.shape;
    return shape !== undefined && shape.height * shape.width > 1;
  };
  return names.findLast(hasMaps) ?? names.at(-1) ?? '';
}

/** `32 maps of 16 × 16`, `64 values`. */
export function sizeWords(shape: Layer['shape'] | undefined): string {
  if (!shape) return '';
  const { channels, height, width } = shape;
  return height * width === 1
    ? plural(channels, 'value')
    : `${plural(channels, 'map')} of ${width} × ${height}`;
}

/** The squared distance that is left, as a share. */
export const distanceWords = (value: number | null): string =>
  value === null ? 'no number' : value > 0 && value < 0.001 ? '< 0.1 %' : percent(value, 1);
