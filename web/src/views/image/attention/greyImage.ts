/** The part of an image that the network sees, in grey, as maps lie over it. */
import { context2d } from '../../../base/dom';
import { contained, thumbSide, type ImageSize } from '../../../base/thumbSize';
import type { Store } from '../../../state/store.svelte';

/** The size of a tile of about `side` pixels, with the input's proportions. */
export function tileSize(input: ImageSize, side: number): ImageSize {
  const square = thumbSide(input, side);
  const { width, height } = contained(input, { x: 0, y: 0, width: square, height: square });
  return { width, height };
}

/** The network's input of an image, drawn into a canvas of this size; null until the image has been loaded. */
export function inputImage(
  store: Store,
  image: number,
  { width, height }: ImageSize,
  isGrey: boolean,
): HTMLCanvasElement | null {
  const input = store.run?.layers[0]?.shape;
  if (!input || !store.tiles.load([image])) return null;
  const canvas = document.createElement('canvas');
  const context = context2d(canvas, width, height);
  if (!context) return null;
  if (isGrey) context.filter = 'grayscale(1)';
  const part = { x: 0, y: 0, width: input.width, height: input.height };
  const drawn = store.tiles.drawPart(context, image, input, part, { x: 0, y: 0, width, height });
  return drawn === 'missing' ? null : canvas;
}
