/** Where a part of the network's input lies in an image, and in the server's tile (thumbnail) of it. Pure. */
import type { ImageSize } from './thumbSize';

export interface Box extends ImageSize {
  x: number;
  y: number;
}

/**
 * The part of an image that the network sees, in pixels of the image: all of it where it has the size or the proportions of
 * the input, else its middle, cut to the input's proportions (`data.resize` of recipes; server: `thumbnail.rs`).
 */
export function inputWindow(image: ImageSize, input: ImageSize): Box {
  const scale = Math.max(input.width / image.width, input.height / image.height);
  const [width, height] = [input.width / scale, input.height / scale];
  return { x: (image.width - width) / 2, y: (image.height - height) / 2, width, height };
}

/** A part of the input in pixels of the image. */
export function partOfImage(part: Box, input: ImageSize, image: ImageSize): Box {
  const seen = inputWindow(image, input);
  const [across, down] = [seen.width / input.width, seen.height / input.height];
  return {
    x: seen.x + part.x * across,
    y: seen.y + part.y * down,
    width: part.width * across,
    height: part.height * down,
  };
}

/**
 * A part of the input in pixels of the server's tile, which is the image where all are small and of one size, else a
 * square, cut from the image's middle. Null where the tile does not say what it was cut from.
 */
export function partOfTile(part: Box, input: ImageSize, tile: ImageSize): Box | null {
  const isSame = tile.width === input.width && tile.height === input.height;
  const areSquare = tile.width === tile.height && input.width === input.height;
  return isSame || areSquare ? partOfImage(part, input, tile) : null;
}

/** True where a part has enough pixels for its place on the page: an input's own pixels always, others if they are not enlarged. */
export function isSharp(inTile: Box, part: Box, place: ImageSize): boolean {
  return inTile.width >= part.width || (inTile.width >= place.width && inTile.height >= place.height);
}
