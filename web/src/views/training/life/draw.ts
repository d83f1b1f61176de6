/** The chart's rows on a canvas, whole pixels only: of a tall chart only the visible part. */
import { css, rgbFromHex, type Rgb } from '../../../base/palette';
import { darkness, ROW, rowAt, THREAD, worstOf, type Columns, type Life } from './life';

export interface Drawing {
  life: Life;
  /** Units from top to bottom, and the tops of their rows. */
  units: readonly number[];
  tops: readonly number[];
  columns: Columns;
  /** Room for the numbers at the left. */
  left: number;
  /** Rows are this many times as high. */
  scale: number;
  /** The size of text over the usual one. */
  text: number;
}

const STEPS = 64;

function shades(background: Rgb, ink: Rgb): string[] {
  return Array.from({ length: STEPS + 1 }, (_, i) => {
    const [r, g, b] = background.map((from, k) => Math.round(from + ((ink[k] - from) * i) / STEPS));
    return `rgb(${r} ${g} ${b})`;
  });
}

/** The rows between two heights of the chart, with `from` at the canvas's upper edge. */
export function drawLife(
  context: CanvasRenderingContext2D,
  { life, units, tops, columns, left, scale, text }: Drawing,
  from: number,
  height: number,
): void {
  const [background, ink] = [css('--bg'), css('--text-1')];
  const living = shades(rgbFromHex(background), rgbFromHex(css('--text-2')));
  const colours = { at_risk: css('--warn'), dead: css('--error') };
  context.fillStyle = background;
  context.fillRect(0, 0, left + columns.count * columns.width, height);
  const font_px = Math.round((9 + Math.min(2, scale)) * text);
  context.font = `${font_px}px 'Inter DV', sans-serif`;
  context.textAlign = 'right';
  context.textBaseline = 'alphabetic';
  for (let row = Math.max(0, rowAt(tops, from)); row < units.length && tops[row] < from + height; row++) {
    const unit = units[row];
    const isTall = tops[row + 1] - tops[row] > THREAD * scale;
    const y = tops[row] - from;
    const gap = isTall && columns.width > 3 ? 1 : 0;
    const high = isTall ? ROW * scale - 1 : THREAD * scale;
    for (let column = 0; column < columns.count; column++) {
      const at = worstOf(life, unit, column, columns.each);
      const state = life.health[at][unit];
      const x = left + column * columns.width;
      const cellWidth = columns.width - gap;
      if (state === 'revived') {
        context.fillStyle = ink;
        context.fillRect(x, y, cellWidth, high);
        context.fillStyle = background;
        if (cellWidth > 2) context.fillRect(x + 1, y + 1, cellWidth - 2, high - 2);
        continue;
      }
      context.fillStyle =
        state === 'alive' ? living[Math.round(STEPS * darkness(life.shares[at][unit]))] : colours[state];
      context.fillRect(x, y, cellWidth, high);
    }
    if (!isTall) continue;
    context.fillStyle = css('--text-2');
    context.fillText(String(unit), left - 6, y + Math.round((high + 0.72 * font_px) / 2));
  }
}
