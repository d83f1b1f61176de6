/**
 * Maps as translucent overlays (veils) on images: where a map speaks for a class in orange, against it in blue, the
 * stronger the less of the image is left.
 */
import type { Rgb } from '../../../base/palette';

/** The strongest cell leaves this much of the image. */
const MAX_OPAQUE = 0.88;

/** Red, green, blue and opacity of every cell, row by row; `limit` has the full colour. */
export function veilPixels(
  values: readonly (number | null)[],
  limit: number,
  [above, below]: readonly [Rgb, Rgb],
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(values.length * 4);
  values.forEach((value, at) => {
    const share = value === null ? 0 : Math.max(-1, Math.min(1, value / (limit || 1)));
    pixels.set(share >= 0 ? above : below, at * 4);
    pixels[at * 4 + 3] = Math.round(255 * MAX_OPAQUE * Math.abs(share) ** 0.8);
  });
  return pixels;
}

/** One end of the scale for several maps: nearly their greatest value, so that single cells do not set it. */
export function scaleLimit(maps: readonly (readonly (number | null)[])[]): number {
  const sizes = maps
    .flat()
    .map((value) => (value === null ? NaN : Math.abs(value)))
    .filter((size) => Number.isFinite(size))
    .sort((a, b) => a - b);
  return sizes[Math.floor((sizes.length - 1) * 0.995)] || sizes.at(-1) || 1;
}
