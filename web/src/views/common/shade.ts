// Background colours for the cells of a matrix of numbers, and text colours that are legible on them. Pure.
import type { Rgb } from '../../base/palette';

export interface Shaded {
  background: string;
  ink: string;
  /** A fainter text colour, for the small curve over the checkpoints below a count. */
  quiet: string;
}

function luminance([r, g, b]: Rgb): number {
  const [x, y, z] = [r, g, b].map((v) => (v <= 10 ? v / 3294 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}

export function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

/** All 256 shades of a ramp with their inks: the text colour of the theme while it can be read, else black or white. */
export function shades(ramp: Uint8ClampedArray, text: Rgb): Shaded[] {
  const out: Shaded[] = [];
  for (let at = 0; at < ramp.length; at += 3) {
    const background: Rgb = [ramp[at], ramp[at + 1], ramp[at + 2]];
    let ink: Rgb = text;
    if (contrast(background, text) < 4.6) {
      ink =
        contrast(background, [255, 255, 255]) > contrast(background, [0, 0, 0]) ? [255, 255, 255] : [0, 0, 0];
    }
    out.push({
      background: `rgb(${background.join(' ')})`,
      ink: `rgb(${ink.join(' ')})`,
      quiet: `rgb(${ink.join(' ')} / ${ink[0] > 128 ? 0.45 : 0.55})`,
    });
  }
  return out;
}

/** The shade of a value on a scale that ends at `limit`. */
export function shadeOf(table: readonly Shaded[], value: number, limit: number): Shaded {
  const at = Math.floor((value / (limit || 1)) * (table.length - 1));
  return table[Math.max(0, Math.min(table.length - 1, at))];
}
