/** Sizes of corpus images on the page. Pure. */

export interface ImageSize {
  width: number;
  height: number;
}

/** Images up to this side are shown at whole scales. */
const MAX_WHOLE = 64;
/** Larger ones as small as this, half a tile of the server's. */
const REDUCED = 48;

/** The side of the square that holds an image at the smallest size at which it is shown. */
export function thumbUnit({ width, height }: ImageSize): number {
  const side = Math.max(width, height, 1);
  return side <= MAX_WHOLE ? side : REDUCED;
}

/** The side of the square that holds an image, about `like` pixels: a whole multiple of the image where it is small. */
export function thumbSide(image: ImageSize, like = 32): number {
  const unit = thumbUnit(image);
  return unit * Math.max(1, Math.round(like / unit));
}

/** The greatest rectangle of an image's proportions in a box, in its middle, in whole pixels. */
export function contained(
  image: ImageSize,
  box: { x: number; y: number; width: number; height: number },
): { x: number; y: number; width: number; height: number } {
  const scale = Math.min(box.width / image.width, box.height / image.height);
  const width = Math.round(image.width * scale);
  const height = Math.round(image.height * scale);
  return {
    x: box.x + Math.floor((box.width - width) / 2),
    y: box.y + Math.floor((box.height - height) / 2),
    width,
    height,
  };
}
