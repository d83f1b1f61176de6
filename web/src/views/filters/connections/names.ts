/** Names of units in the drawing and in tables. Pure. */
import type { Layer } from '../../../api/types';
import { isClassLayer } from '../../common/classLayer';

interface Known {
  layers: readonly Pick<Layer, 'name' | 'shape' | 'inputs' | 'sheet_shape'>[];
  classes: readonly string[];
}

export interface UnitWords {
  /** `conv1 30`, `cat`, `red`. */
  short: string;
  /** `filter 30 of conv1`, `map 3 of sum`, `cat (unit 3 of fc10)`, `the image’s red`. */
  long: string;
  /** A channel of the image, which cannot be pinned. */
  isImage: boolean;
  /** The class, for an output of the last layer; null for another unit. */
  classIndex: number | null;
}

export function wordsOf(
  unit: { layer: string; filter: number; colour?: string | null },
  { layers, classes }: Known,
): UnitWords {
  const layer = layers.find((one) => one.name === unit.layer) ?? null;
  const { filter } = unit;
  if (layer?.inputs.length === 0) {
    const short = unit.colour ?? `channel ${filter}`;
    return { short, long: `the image’s ${short}`, isImage: true, classIndex: null };
  }
  const isFlat = layer !== null && layer.shape.height * layer.shape.width === 1;
  const word = isFlat ? 'unit' : layer?.sheet_shape ? 'filter' : 'map';
  const long = `${word} ${filter} of ${unit.layer}`;
  if (!isClassLayer(layer, classes.length))
    return { short: `${unit.layer} ${filter}`, long, isImage: false, classIndex: null };
  return { short: classes[filter], long: `${classes[filter]} (${long})`, isImage: false, classIndex: filter };
}

/** The name as a heading; names of classes are not capitalised. */
export const titleOf = ({ long, classIndex }: UnitWords): string =>
  classIndex === null ? long.charAt(0).toUpperCase() + long.slice(1) : long;
