/** Pages of a large layer's filters and channels, and the order of its filters. Pure. */
import type { Layer } from '../../api/types';
import type { Arrangement, Show } from './layout';
import type { AvailableSize, PageSize } from './grids';

/** Layers of more filters or channels than this have pages. */
export const MAX_PER_PAGE = 256;
const MIN_PER_PAGE = 16;
/** Least pixels per weight: of a kernel, and of a single weight (wide, high). */
const KERNEL_PX = 2;
const CELL_PX = { wide: 2, high: 4 };

/** The greatest power of two that fits, between the least and `max`, and never more than there are. */
function fitting(available: number, each: number, total: number, max = MAX_PER_PAGE): number {
  let size = max;
  while (size > MIN_PER_PAGE && size * each > available) size /= 2;
  return Math.min(size, total);
}

/** Filters and channels on a page; null for a layer that is small enough to be shown whole. */
export function pageSize(
  layer: Pick<Layer, 'sheet_shape' | 'shape'>,
  kind: Arrangement,
  show: Show,
  { width, height }: AvailableSize,
): PageSize | null {
  const { sheet_shape: sheet, shape } = layer;
  if (kind === 'none' || !sheet)
    return shape.channels > MAX_PER_PAGE ? { filters: MAX_PER_PAGE, channels: 1 } : null;
  const [filters, channels, high, wide] = sheet;
  if (kind === 'tiles') return filters > MAX_PER_PAGE ? { filters: MAX_PER_PAGE, channels } : null;
  if (filters <= MAX_PER_PAGE && channels <= MAX_PER_PAGE) return null;
  if (kind === 'heat') {
    const share = show === 'both' ? 0.4 : 0.85;
    return {
      filters: fitting(height * share, CELL_PX.high, filters),
      channels: fitting(width - 32, CELL_PX.wide, channels, 2 * MAX_PER_PAGE),
    };
  }
  return {
    filters: fitting(height - 48, high * KERNEL_PX + 1, filters),
    channels: fitting(width * 0.56 - 32, wide * KERNEL_PX + 1, channels),
  };
}

export interface Page {
  first: number;
  /** One past the last. */
  end: number;
  total: number;
}

/** The page that holds a place in the order. */
export function pageAround(place: number, size: number, total: number): Page {
  const at = Math.min(Math.max(0, place), Math.max(0, total - 1));
  const first = Math.floor(at / size) * size;
  return { first, end: Math.min(total, first + size), total };
}

export type SortBy = 'order' | 'norm' | 'change' | 'activity';
export const SORTS: readonly SortBy[] = ['order', 'norm', 'change', 'activity'];

/** The filters by their values, the greatest first and those that are not finite last. */
export function orderOf(values: readonly (number | null)[] | null, total: number): number[] {
  const order = Array.from({ length: total }, (_, k) => k);
  if (!values || values.length !== total) return order;
  const known = values.map((value) => (value !== null && !Number.isNaN(value) ? value : -Infinity));
  return order.sort((a, b) => (known[a] === known[b] ? a - b : known[b] - known[a]));
}

/**
 * Values of a layer's maps for the filters of its sheet. A locally connected layer has one filter for every map at every
 * position, position by position: each has the value of its map.
 */
export function ofFilters(numbers: readonly (number | null)[] | null, total: number): (number | null)[] | null {
  if (!numbers?.length || total % numbers.length !== 0) return null;
  return Array.from({ length: total }, (_, k) => numbers[k % numbers.length]);
}

/** A selection as the REST interface takes it: `64-127` where numbers follow each other, else all of them. */
export function selectionOf(numbers: readonly number[]): string {
  const follows = numbers.every((number, i) => i === 0 || number === numbers[i - 1] + 1);
  return follows && numbers.length > 1 ? `${numbers[0]}-${numbers[numbers.length - 1]}` : numbers.join(',');
}

/** For every filter, the norm of its change relative to its norm `then`. `each` is the number of values per filter. */
export function changesOf(now: Float32Array, then: Float32Array, each: number): number[] {
  return Array.from({ length: Math.floor(Math.min(now.length, then.length) / each) }, (_, k) => {
    let [moved, size] = [0, 0];
    for (let i = k * each; i < (k + 1) * each; i += 1) {
      moved += (now[i] - then[i]) ** 2;
      size += then[i] ** 2;
    }
    return moved === 0 ? 0 : Math.sqrt(moved / size);
  });
}
