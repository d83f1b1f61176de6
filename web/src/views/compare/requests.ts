// The requests behind the comparison: for each layer its kernels and its activations, all rows in one picture.
import { stripUrl } from '../../api/pictureUrls';
import type { Run } from '../../api/types';
import type { Column, ScaleOver } from './data';

export interface Compared {
  run: Pick<Run, 'id' | 'checkpoints'>;
  checkpoints: readonly number[];
  columns: readonly Pick<Column, 'layer' | 'filters' | 'channels' | 'rgb' | 'kernel' | 'map'>[];
  /** The image the layers are applied to; null where only weights are shown. */
  image: number | null;
  scale: ScaleOver;
}

export function comparedRequests({ run, checkpoints, columns, image, scale }: Compared): string[] {
  const sorted = [...new Set(checkpoints)].sort((a, b) => a - b);
  return columns.flatMap((column) => {
    if (!column.filters.length || !sorted.length) return [];
    const request = {
      run: run.id,
      layer: column.layer,
      checkpoints: sorted.join(','),
      filters: column.filters.join(','),
      normalise: scale,
      version: run.checkpoints[sorted[sorted.length - 1]]?.hash.slice(0, 16) ?? '',
    };
    const channels = column.channels ? [...new Set(column.channels)].join(',') : column.rgb ? undefined : '0';
    return [
      ...(column.kernel ? [stripUrl({ ...request, channels, palette: column.rgb ? 'rgb' : 'diverging' })] : []),
      ...(column.map && image !== null ? [stripUrl({ ...request, apply: image, palette: 'grey' })] : []),
    ];
  });
}
