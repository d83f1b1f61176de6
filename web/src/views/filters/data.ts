/** Computations of the Filters view: tiles, hit tests, descriptions. Pure. */
import type { Layer, SheetGeometry } from '../../api/types';
import { formatCount, relative } from '../../base/format';
import type { GridCell } from '../../base/scales';

/** The sheet's own arrangement: one tile per filter, or filters in rows and channels in columns. */
export function isMatrix(sheet: Pick<SheetGeometry, 'rgb' | 'filters' | 'channels'>): boolean {
  return !sheet.rgb && sheet.channels.length > 1;
}

export function tileCount(sheet: Pick<SheetGeometry, 'rgb' | 'filters' | 'channels'>): number {
  return isMatrix(sheet) ? sheet.filters.length * sheet.channels.length : sheet.filters.length;
}

export interface SheetUnit {
  filter: number;
  channel: number | null;
}

/** The filter (and channel) a tile shows, by its row-major number. */
export function unitAt(sheet: Pick<SheetGeometry, 'rgb' | 'filters' | 'channels'>, tile: number): SheetUnit {
  if (!isMatrix(sheet)) return { filter: sheet.filters[tile], channel: null };
  const across = sheet.channels.length;
  return { filter: sheet.filters[Math.floor(tile / across)], channel: sheet.channels[tile % across] };
}

/** The tile that shows a filter (and channel); -1 when it is not in the sheet. */
export function tileOf(
  sheet: Pick<SheetGeometry, 'rgb' | 'filters' | 'channels'>,
  filter: number,
  channel: number | null,
): number {
  const row = sheet.filters.indexOf(filter);
  if (row < 0) return -1;
  if (!isMatrix(sheet)) return row;
  const column = sheet.channels.indexOf(channel ?? sheet.channels[0]);
  return column < 0 ? -1 : row * sheet.channels.length + column;
}

export interface Axis {
  at: number;
  label: string;
}

/** Labels along a matrix: the first, the last, and round ones between that do not touch either. */
export function axisLabels(numbers: readonly number[], pitch: number, min = 40): Axis[] {
  const n = numbers.length;
  if (n === 0) return [];
  const step = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512].find((s) => s * pitch >= min) ?? 1024;
  const out: Axis[] = [];
  for (let i = 0; i < n; i += step)
    if (i === 0 || (n - 1 - i) * pitch >= min * 0.6)
      out.push({ at: (i + 0.5) * pitch, label: String(numbers[i]) });
  if (n > 1) out.push({ at: (n - 0.5) * pitch, label: String(numbers[n - 1]) });
  return out;
}

/** "32 filters, 5 × 5 × 3, 2,432 parameters". */
export function describeLayer(layer: Layer): string {
  const { shape, sheet_shape: weights, weight_shape: stored } = layer;
  const plane =
    shape.height === 1 && shape.width === 1
      ? `${formatCount(shape.channels)} units`
      : `${formatCount(shape.channels)} maps of ${shape.height} × ${shape.width}`;
  if (!weights) return `${layer.type}, ${plane}`;
  const parameters = `${formatCount(layer.parameters)} parameters`;
  const [k, c, r, w] = weights;
  if (stored?.length === 2)
    return `${formatCount(k)} units × ${formatCount(stored[1])} inputs${r * w > 1 ? ` (${c} × ${r} × ${w})` : ''}, ${parameters}`;
  const own = stored?.length === 6 ? `, own at each of ${stored[0]} × ${stored[1]} places` : '';
  return c <= 3
    ? `${formatCount(k)} filters, ${r} × ${w} × ${c}${own}, ${parameters}`
    : `${formatCount(k)} filters × ${formatCount(c)} channels, ${r} × ${w}${own}, ${parameters}`;
}

/** "32 × 16²", "64 × 8 × 4", "10". */
export function shortShape(shape: Layer['shape']): string {
  const { channels, height, width } = shape;
  if (height === 1 && width === 1) return String(channels);
  return height === width ? `${channels} × ${height}²` : `${channels} × ${height} × ${width}`;
}

/** "change 0.6 %", "change 57 ×": how far the weights went since the checkpoint before, against how large they were. */
export function changeLabel(moved: number | null | undefined, first: boolean): string {
  if (first) return 'untrained';
  if (moved === null || moved === undefined || !Number.isFinite(moved)) return ' ';
  return `change ${relative(moved)}`;
}

/** Index of a value in `[filters, channels, h, w]` floats. */
export function valueIndex(
  shape: readonly number[],
  at: { filter: number; channel: number; y: number; x: number },
): number {
  const [, channels, height, width] = shape;
  return ((at.filter * channels + at.channel) * height + at.y) * width + at.x;
}

/** A filter's place in the order of norms, the largest first. */
export function rank(norms: readonly number[], filter: number): number {
  return norms.filter((norm) => norm > norms[filter]).length + 1;
}

/** The checkpoints whose frames fit into a film: every one, or every second, third, … */
export function filmFrames(checkpoints: number, width: number, tile: number): number[] {
  const available = Math.max(1, Math.floor(width / (tile + 1)));
  const stride = Math.max(1, Math.ceil(checkpoints / available));
  return Array.from({ length: Math.ceil(checkpoints / stride) }, (_, i) => i * stride);
}

/**
 * The words of the tooltip over a sheet. `classes` are the names of the layer's units where these are classes; a flat
 * layer has units, no maps.
 */
export function spot(
  sheet: SheetGeometry,
  cell: GridCell,
  of: { activations: boolean; classes: readonly string[]; isFlat?: boolean },
): { head: string; place: string } {
  const { filter, channel } = unitAt(sheet, cell.index);
  const single = sheet.tile_width === 1 && sheet.tile_height === 1;
  const unit = single || of.classes.length > 0 || of.isFlat;
  const kind = unit ? 'unit' : of.activations ? 'activation map' : 'filter';
  const head = [`${kind} ${filter}`, of.classes[filter]].filter(Boolean).join(', ');
  const parts = [
    channel === null ? '' : `${single ? 'input' : 'input map'} ${channel}`,
    single ? '' : `at ${cell.y}, ${cell.x}`,
  ];
  return { head, place: parts.filter(Boolean).join('  ') };
}
