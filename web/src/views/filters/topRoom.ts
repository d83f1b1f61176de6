/** Room for the top images of the pinned filter and, beside or under them, its feature visualisation (`made`). Pure. */
import type { Layer } from '../../api/types';

/** Side of a top image, and the gap between two. */
export const PATCH = 45;
export const PATCH_GAP = 6;
/** Between the top images and the picture beside them, or under them. */
export const MADE_GAP = 20;
const UNDER_GAP = 8;
/** Minimal side of a picture. */
const MIN_SIDE = 48;
/** Below the picture: what it is, and how it begins. */
export const MADE_FOOT = 48;
/** The line above them. */
const CAPTION = 28;
/** The height of the button alone, while no picture is requested. */
const ASK = 32;
/** Beside the top images from this width on. */
const BESIDE_PX = 700;
const [WIDE_PX, TALL_PX] = [1300, 210];

export const topWidth = (columns: number): number => columns * (PATCH + PATCH_GAP) - PATCH_GAP;

interface Room {
  width: number;
  height: number;
  isNarrow: boolean;
}

export interface TopRoom {
  columns: number;
  made: 'beside' | 'under';
  /** Side of the generated picture: a whole multiple of the image's side where it fits. */
  madeSide: number;
  /** Width of everything together. */
  width: number;
}

/** Null without images. */
export function topRoom(
  { width, height, isNarrow }: Room,
  run: { corpus: { available: boolean }; layers: readonly Pick<Layer, 'shape'>[] } | null,
): TopRoom | null {
  const image = run?.layers[0]?.shape;
  if (!run?.corpus.available || !image) return null;
  const columns = width < 1060 ? 2 : 3;
  const made = isNarrow || width >= BESIDE_PX ? 'beside' : 'under';
  // Under the top images one row of them stays.
  const under = height - CAPTION - (PATCH + PATCH_GAP) - MADE_FOOT - UNDER_GAP;
  const beside = width >= WIDE_PX && height >= TALL_PX ? 128 : topWidth(2);
  const max = made === 'beside' ? beside : Math.max(MIN_SIDE, Math.min(topWidth(2), under));
  const longest = Math.max(image.width, image.height);
  const madeSide = longest <= max ? longest * Math.floor(max / longest) : max;
  return {
    columns,
    made,
    madeSide,
    width: topWidth(columns) + (made === 'beside' ? madeSide + MADE_GAP : 0),
  };
}

/** Rows of top images that are left. */
export function topRows(height: number, { made, madeSide }: TopRoom, isAsked: boolean): number {
  const under = made === 'beside' ? 0 : isAsked ? madeSide + MADE_FOOT + UNDER_GAP : ASK;
  return Math.max(1, Math.min(4, Math.floor((height - CAPTION - under) / (PATCH + PATCH_GAP))));
}
