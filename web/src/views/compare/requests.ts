// The requests that an export of the Compare view lists: for each layer one picture of its kernels and one of its
// activations, with all compared checkpoints stacked in it (a strip).
import { stripUrl } from '../../api/pictureUrls';
import type { Run } from '../../api/types';
import type { ScaleOver } from './data';
import type { Column } from './layout';

export interface ComparisonInput {
  run: Pick<Run, 'id' | 'checkpoints'>;
  checkpoints: readonly number[];
  /** The layers; each is a column of the view. */
  columns: readonly Pick<Column, 'layer' | 'filters' | 'channels' | 'rgb' | 'kernel' | 'map'>[];
  /** The image the layers are applied to; null where only weights are shown. */
  image: number | null;
  /** The values that share one colour scale: those of a filter, of a checkpoint, or of all checkpoints. */
  scale: ScaleOver;
}

export function comparedRequests({ run, checkpoints, columns, image, scale }: ComparisonInput): string[] {
  const indices = [...new Set(checkpoints)].sort((a, b) => a - b);
  return columns.flatMap((column) => {
    if (!column.filters.length || !indices.length) return [];
    const request = {
      run: run.id,
      layer: column.layer,
      checkpoints: indices.join(','),
      filters: column.filters.join(','),
      normalise: scale,
      // Cache key: the hash of the last of the checkpoints.
      version: run.checkpoints[indices[indices.length - 1]]?.hash.slice(0, 16) ?? '',
    };
    // The channels of the kernels: the chosen ones; all where they are drawn in colour; else the first.
    const channels = column.channels ? [...new Set(column.channels)].join(',') : column.rgb ? undefined : '0';
    return [
      ...(column.kernel ? [stripUrl({ ...request, channels, palette: column.rgb ? 'rgb' : 'diverging' })] : []),
      ...(column.map && image !== null ? [stripUrl({ ...request, apply: image, palette: 'grey' })] : []),
    ];
  });
}
