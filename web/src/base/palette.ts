/** Colours from tokens.css as numbers, for canvases and charts. Nothing here invents a colour. */

export type Rgb = [number, number, number];

// Tokens depend on the theme alone. Reading one makes the document compute all of its styles, so each is read once.
const tokens = new Map<string, string>();

export function css(name: string): string {
  const key = `${document.documentElement.dataset.theme ?? ''}/${name}`;
  const cached = tokens.get(key);
  if (cached) return cached;
  const value = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  if (value) tokens.set(key, value);
  return value;
}

export function rgbFromHex(hex: string): Rgb {
  const digits = hex.replace('#', '');
  const wide = digits.length === 3 ? [...digits].map((d) => d + d).join('') : digits;
  return [0, 2, 4].map((i) => parseInt(wide.slice(i, i + 2), 16)) as Rgb;
}

/** A table of `steps` colours (r, g, b bytes) running evenly through the stops. */
export function ramp(stops: Rgb[], steps = 256): Uint8ClampedArray {
  const out = new Uint8ClampedArray(steps * 3);
  for (let i = 0; i < steps; i += 1) {
    const x = (i / (steps - 1)) * (stops.length - 1);
    const at = Math.min(stops.length - 2, Math.floor(x));
    for (let j = 0; j < 3; j += 1) out[i * 3 + j] = stops[at][j] + (stops[at + 1][j] - stops[at][j]) * (x - at);
  }
  return out;
}

const SEQUENTIAL = [0, 1, 2, 3, 4, 5, 6].map((i) => `--seq-${i}`);
const DIVERGING = ['--div-n3', '--div-n2', '--div-n1', '--div-0', '--div-p1', '--div-p2', '--div-p3'];

/** The ramps of the theme that is on now; ask again after the theme changed. */
export function sequential(): Uint8ClampedArray {
  return ramp(SEQUENTIAL.map((name) => rgbFromHex(css(name))));
}

export function diverging(): Uint8ClampedArray {
  return ramp(DIVERGING.map((name) => rgbFromHex(css(name))));
}

/** The colour of a value in 0..1 on a ramp. */
export function colourAt(table: Uint8ClampedArray, t: number): string {
  const at = Math.round(Math.min(1, Math.max(0, t)) * (table.length / 3 - 1)) * 3;
  return `rgb(${table[at]} ${table[at + 1]} ${table[at + 2]})`;
}

/** Dark or light text on a colour, by its luminance. */
export function inkOn([r, g, b]: Rgb): 'black' | 'white' {
  const linear = [r, g, b].map((v) => ((v / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.3 ? 'black' : 'white';
}

/** The text with the greater contrast on a colour, for small letters. */
export function contrastInk([r, g, b]: Rgb): 'black' | 'white' {
  const [red, green, blue] = [r, g, b].map((v) =>
    v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4,
  );
  const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  // WCAG's ratios to black, (L + 0.05) / 0.05, and to white, 1.05 / (L + 0.05), are the same at this luminance.
  return luminance > Math.sqrt(1.05 * 0.05) - 0.05 ? 'black' : 'white';
}

/** The colour of a class. Ten colours can be distinguished; with more classes all the others share grey. */
export function classColour(index: number, classes: number): string {
  return classes <= 10 ? `var(--cat-${index})` : index < 10 ? `var(--cat-${index})` : 'var(--text-3)';
}

/** The class of a class's colour; null for colours that several classes share, and for others. */
export function classOfColour(colour: string): number | null {
  const found = /^var\(--cat-(\d)\)$/.exec(colour);
  return found ? Number(found[1]) : null;
}
