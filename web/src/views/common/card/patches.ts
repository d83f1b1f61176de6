/** Where the parts of images lie that excite a filter most. Pure. */
import type { TopImages } from '../../../api/types';

export type Patch = TopImages['items'][number]['patch'];

/** A picture of a patch: the part of the image in pixels of the image, and its place in a square of the page. */
export interface PatchPlace {
  from: Patch;
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The receptive field where nothing of it is cut off. */
export function fieldOf(patches: readonly Patch[]): { width: number; height: number } {
  return {
    width: Math.max(1, ...patches.map((patch) => patch.width)),
    height: Math.max(1, ...patches.map((patch) => patch.height)),
  };
}

/** The picture that an arrow key leads to, in rows of `columns`; null for another key. */
export function patchStep(at: number, key: string, { columns, count }: { columns: number; count: number }) {
  const to = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at - columns,
    ArrowDown: at + columns,
    Home: 0,
    End: count - 1,
  }[key];
  if (to === undefined) return null;
  return to >= 0 && to < count ? to : at;
}

/**
 * A patch in a square of `side` pixels, at a whole-number scale where the field is small enough. At the border of the
 * image it keeps its place in the field: what is cut off there stays background.
 */
export function placeOf(patch: Patch, field: { width: number; height: number }, side: number): PatchPlace {
  const whole = Math.max(field.width, field.height);
  const scale = whole <= side ? Math.floor(side / whole) : side / whole;
  const [left, top] = [
    patch.x === 0 ? field.width - patch.width : 0,
    patch.y === 0 ? field.height - patch.height : 0,
  ];
  const margin = (length: number) => Math.floor((side - length * scale) / 2);
  return {
    from: patch,
    x: margin(field.width) + Math.round(left * scale),
    y: margin(field.height) + Math.round(top * scale),
    width: Math.round(patch.width * scale),
    height: Math.round(patch.height * scale),
  };
}
