// The small histories inside the cells, as SVG paths. Pure.
import { line } from 'd3-shape';
import { cellHistory, historyTop, type Series } from './data';
import type { MatrixLayout } from './layout';

const tenth = (value: number) => Math.round(value * 10) / 10;

/**
 * One path per cell, row by row. Each has its own height, but a cell that never held more than 3 % of its class stays
 * low, so that noise does not look like history.
 */
export function sparks(
  series: Series,
  layout: Pick<MatrixLayout, 'cell_width' | 'history_height'>,
  rows: readonly number[],
): string[] {
  const [width, height] = [layout.cell_width - 14, layout.history_height];
  const steps = Math.max(1, series.counts.length - 1);
  const out: string[] = [];
  for (let truth = 0; truth < series.classes; truth++) {
    for (let predicted = 0; predicted < series.classes; predicted++) {
      const history = cellHistory(series, { truth, predicted });
      const top = Math.max(historyTop(history), 0.03 * (rows[truth] || 1));
      const path = line<number>()
        .x((_, n) => tenth((n / steps) * width))
        .y((v) => tenth(height - (height - 1) * Math.min(1.05, v / top)));
      out.push(path(history) ?? '');
    }
  }
  return out;
}
