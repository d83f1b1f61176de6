/** Layers whose outputs are the classes. Pure. */
import type { Layer } from '../../api/types';

/** Whether each output of the layer belongs to one class. */
export const isClassLayer = (layer: Pick<Layer, 'shape'> | null, classes: number): boolean =>
  layer !== null && layer.shape.height * layer.shape.width === 1 && layer.shape.channels === classes;
