/** Numbers as people read them: a true minus, thousands with commas, digits fixed so that nothing dances. */

const MINUS = '−';

const whole = new Intl.NumberFormat('en-US');

/** `-1.50` -> `−1.50`: a fixed number of decimals with a true minus sign. */
export function fixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return '–';
  const text = value.toFixed(digits);
  return text.startsWith('-') ? (Number(text) === 0 ? text.slice(1) : MINUS + text.slice(1)) : text;
}

/** Always with a sign: `+45`, `−25.00`, `±0`. */
export function signed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return '–';
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return `±${text}`;
  return (value > 0 ? '+' : MINUS) + text;
}

/** `500000` -> `500,000`. */
export function count(value: number): string {
  const text = whole.format(Math.round(Math.abs(value)));
  return value < 0 ? MINUS + text : text;
}

/** `+450,000`. */
export function signedCount(value: number): string {
  return value === 0 ? '±0' : (value > 0 ? '+' : MINUS) + count(Math.abs(value));
}

/** A fraction as a percentage: `0.2603` -> `26.03 %`. */
export function percent(fraction: number, digits = 1): string {
  return Number.isFinite(fraction) ? `${fixed(fraction * 100, digits)} %` : '–';
}

/** A few significant digits without an exponent where one can do without: `0.1134` -> `0.11`. */
export function significant(value: number, digits = 2): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude < -4 || magnitude > 6) return value.toExponential(digits - 1).replace(/-/g, MINUS);
  return fixed(value, Math.max(0, digits - 1 - magnitude));
}

/** `1 image`, `2 images`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}
