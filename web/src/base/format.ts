/** Numbers as people read them: a true minus, thousands with commas, a fixed number of digits so that nothing moves. */

const MINUS = '−';

const whole = new Intl.NumberFormat('en-US');

/** From this size on numbers are written with a power of ten: in full they would overlap their neighbours. */
const LARGE = 1e5;

/** The numbers of a list in which those that are not finite are absent: NaN, which is written as a dash and never drawn. */
export const numbersOf = (values: readonly (number | null)[]): number[] => values.map((v) => v ?? Number.NaN);

/** Text for a measured value that is not finite. */
export const NOT_FINITE = 'not finite';

/** `1.2e22`: two digits that matter and the power of ten. */
export function scientific(value: number): string {
  return value.toExponential(1).replace('e+', 'e').replace(/-/g, MINUS);
}

/** `-1.50` -> `−1.50`: a fixed number of decimals with a true minus sign; very large values as `1.2e22`. */
export function fixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= LARGE) return scientific(value);
  const text = value.toFixed(digits);
  return text.startsWith('-') ? (Number(text) === 0 ? text.slice(1) : MINUS + text.slice(1)) : text;
}

/** Like `fixed`, but values whose digits would all be zero are written as `1.2e−7`: for losses and the like. */
export function decimal(value: number, digits: number): string {
  const isLost = value !== 0 && Math.abs(value) < 0.5 * 10 ** -digits;
  return isLost ? scientific(value) : fixed(value, digits);
}

/** A number with its sign: `+45`, `−25.00`, `±0`. */
export function signed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return '–';
  if (Math.abs(value) >= LARGE) return (value > 0 ? '+' : '') + scientific(value);
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return `±${text}`;
  return (value > 0 ? '+' : MINUS) + text;
}

/** `500000` -> `500,000`. */
export function formatCount(value: number): string {
  const text = whole.format(Math.round(Math.abs(value)));
  return value < 0 ? MINUS + text : text;
}

/** `+450,000`. */
export function signedCount(value: number): string {
  return value === 0 ? '±0' : (value > 0 ? '+' : MINUS) + formatCount(Math.abs(value));
}

/** A fraction as a percentage: `0.2603` -> `26.03 %`. */
export function percent(fraction: number, digits = 1): string {
  return Number.isFinite(fraction) ? `${fixed(fraction * 100, digits)} %` : '–';
}

/** A change as a share of the initial value: `4.2 %`; from ten times that value on as a factor, `58 ×`. */
export function relative(share: number, digits = share < 0.1 ? 1 : 0): string {
  if (!Number.isFinite(share)) return '–';
  return share < 10 ? percent(share, digits) : `${significant(share, 2)} ×`;
}

/** A few significant digits, without an exponent where possible: `0.1134` -> `0.11`. */
export function significant(value: number, digits = 2): string {
  if (!Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude < -4 || magnitude > 6)
    return value
      .toExponential(digits - 1)
      .replace('e+', 'e')
      .replace(/-/g, MINUS);
  return fixed(value, Math.max(0, digits - 1 - magnitude));
}

/** `1 image`, `2 images`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${formatCount(n)} ${n === 1 ? one : many}`;
}
