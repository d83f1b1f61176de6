/** The chart's cells on a canvas, whole pixels only: of a tall chart only the visible rows. */
import type { Lifelines } from '../../../api/types';
import { fixed } from '../../../base/format';
import { css, rgbFromHex, sequential } from '../../../base/palette';
import { shadeOf, shades } from '../../common/shade';
import { stateAt, type Match } from './lifelines';

export interface Drawing {
  found: Lifelines;
  /** Units from top to bottom. */
  order: readonly number[];
  /** Height of a row, width of a column. */
  row: number;
  column: number;
  /** Room for the numbers at the left. */
  left: number;
  /** The second run's units: where they begin, and how much room they have. */
  second: { matches: ReadonlyMap<number, Match>; x: number; width: number } | null;
  scale: number;
}

/** Text is at most as high as the row. */
const textSize = ({ row, scale }: Drawing): number => Math.min(Math.round(11 * scale), row - 1);

function drawMatch(context: CanvasRenderingContext2D, drawing: Drawing, unit: number, y: number): void {
  const { second, row, scale } = drawing;
  const match = second?.matches.get(unit);
  if (!second || !match) return;
  const base = y + row / 2 + textSize(drawing) * 0.36;
  const number = second.x + 22 * scale;
  const known = match.kind === 'mutual' || match.kind === 'matched';
  context.fillStyle = css(known ? '--text-1' : '--text-3');
  context.textAlign = 'right';
  context.fillText(known ? String(match.b) : '–', number, base);
  const [x, end] = [number + 8 * scale, second.x + second.width];
  if (match.kind === 'constant') return;
  // The bar's end is a correlation of 1.
  const max = end - 32 * scale - x;
  const high = Math.max(4, Math.min(8, row - 5));
  const top = Math.round(y + (row - high) / 2);
  const barWidth = Math.max(1, Math.round(max * Math.max(0, match.correlation)));
  if (match.kind === 'mutual') context.fillRect(x, top, barWidth, high);
  else if (known) {
    context.strokeStyle = css('--text-1');
    context.strokeRect(Math.round(x) + 0.5, top + 0.5, Math.max(1, barWidth - 1), high - 1);
  }
  context.fillText(fixed(match.correlation, 2), end, base);
}

/** The rows between two heights of the chart, with `from` at the canvas's upper edge. */
export function drawLifelines(
  context: CanvasRenderingContext2D,
  drawing: Drawing,
  from: number,
  height: number,
): void {
  const { found, order, row, column, left, second } = drawing;
  const [background, ink] = [css('--bg'), css('--text-1')];
  const table = shades(sequential(), rgbFromHex(ink));
  const columns = found.checkpoints.length;
  const units = new Map(found.units.map((one) => [one.unit, one]));
  context.fillStyle = background;
  context.fillRect(0, 0, second ? second.x + second.width : left + columns * column, height);
  context.font = `${textSize(drawing)}px 'Inter DV', sans-serif`;
  context.textBaseline = 'alphabetic';
  context.lineWidth = 1;
  const gap = column > 3 ? 1 : 0;
  for (let r = Math.max(0, Math.floor(from / row)); r < order.length && r * row < from + height; r++) {
    const unit = units.get(order[r]);
    if (!unit) continue;
    const y = r * row - from;
    for (let c = 0; c < columns; c++) {
      const state = stateAt(found, unit, c);
      const x = left + c * column;
      if (state === 'constant') {
        context.fillStyle = css('--line-strong');
        context.fillRect(x, y + (row >> 1), column - gap, 1);
        continue;
      }
      context.fillStyle = state === 'dead' ? css('--error') : shadeOf(table, Math.max(0, state), 1).background;
      context.fillRect(x, y, column - gap, row - 1);
    }
    const born = unit.born === null ? -1 : found.checkpoints.indexOf(unit.born);
    if (born >= 0) {
      context.fillStyle = ink;
      context.fillRect(left + born * column - 1, y, 2, row - 1);
    }
    context.fillStyle = css('--text-2');
    context.textAlign = 'right';
    context.fillText(String(unit.unit), left - 6, y + row / 2 + textSize(drawing) * 0.36);
    drawMatch(context, drawing, unit.unit, y);
  }
}
