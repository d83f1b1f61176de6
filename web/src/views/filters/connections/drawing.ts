/** Layout of the drawing of connections: three columns of pictures, and the lines between them. Pure. */
import { MAX_UNITS, type Side } from './connections';

export interface Drawing {
  width: number;
  height: number;
  /** Side of the picture of a unit, and of the one in the middle. */
  side: number;
  middle: number;
  /** Room of the words beside a picture. */
  text: number;
  /** Distance from unit to unit. */
  pitch: number;
}

const [MIN_SIDE, MAX_SIDE] = [24, 128];
const MAX_MIDDLE = 288;
const [MIN_LINE, MAX_LINE] = [28, 240];
/** Beside a picture, between it and the words. */
export const TEXT_GAP = 8;

/** The drawing for the available space alone, so that nothing moves from unit to unit. `scale` is that of the text. */
export function drawingIn(available: { width: number; height: number }, scale: number): Drawing {
  const { width, height } = available;
  const text = Math.round(Math.min(104, Math.max(56, width * 0.14)) * scale);
  const pitch = Math.floor(height / MAX_UNITS);
  const rest = width - 2 * (text + TEXT_GAP) - 2 * MIN_LINE;
  const side = Math.max(MIN_SIDE, Math.min(MAX_SIDE, pitch - 8, Math.floor(rest / 4)));
  const middle = Math.max(side, Math.min(MAX_MIDDLE, 3 * side, rest - 2 * side, Math.floor(height * 0.7)));
  const line = Math.min(MAX_LINE, (width - 2 * (text + TEXT_GAP) - 2 * side - middle) / 2);
  const whole = Math.floor(2 * (text + TEXT_GAP + side + line) + middle);
  return { width: Math.min(width, whole), height, side, middle, text, pitch };
}

/** The upper left corner of the picture of a side's unit. */
export function cornerOf(drawing: Drawing, side: Side, n: number, count: number): { x: number; y: number } {
  const { width, height, text, pitch } = drawing;
  const first = (height - count * pitch) / 2;
  return {
    x: side === 'inputs' ? text + TEXT_GAP : width - text - TEXT_GAP - drawing.side,
    y: Math.round(first + n * pitch + (pitch - drawing.side) / 2),
  };
}

/** The size of a picture of `pixels` in a square: a whole multiple where it is small enough. */
export function sizeIn(
  side: number,
  tile: { width: number; height: number },
): { width: number; height: number } {
  const whole = Math.max(1, tile.width, tile.height);
  const scale = whole <= side ? Math.floor(side / whole) : side / whole;
  return { width: Math.round(tile.width * scale), height: Math.round(tile.height * scale) };
}

/** Distance from a picture to the line that ends at it. */
const LINE_GAP = 3;

/**
 * The line between a unit and the middle; at the middle they lie beside each other, in the order of the units. The
 * widths are those of the pictures, which may be smaller than their places.
 */
export function lineOf(
  drawing: Drawing,
  { side, n, count }: { side: Side; n: number; count: number },
  drawn: { unit: number; middle: number },
): string {
  const { width, height } = drawing;
  const middle = drawn.middle + 2 * LINE_GAP;
  const corner = cornerOf(drawing, side, n, count);
  const inset = (drawing.side - drawn.unit) / 2 - LINE_GAP;
  const spread = (drawn.middle * 0.8) / Math.max(1, count);
  const from = {
    x: corner.x + (side === 'inputs' ? drawing.side - inset : inset),
    y: corner.y + drawing.side / 2,
  };
  const to = {
    x: width / 2 + (side === 'inputs' ? -middle / 2 : middle / 2),
    y: height / 2 + (n - (count - 1) / 2) * spread,
  };
  const half = (from.x + to.x) / 2;
  const [a, b, c] = [from.x, half, to.x].map((value) => value.toFixed(1));
  return `M${a} ${from.y.toFixed(1)}C${b} ${from.y.toFixed(1)} ${b} ${to.y.toFixed(1)} ${c} ${to.y.toFixed(1)}`;
}

/** How many lines are thick at most beside each other at the middle. */
export const thickest = (drawing: Drawing): number =>
  Math.max(3, Math.min(14, Math.floor((drawing.middle * 0.8) / MAX_UNITS) - 1));
