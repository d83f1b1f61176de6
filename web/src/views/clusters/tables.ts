// The numbers of the clusters view as a table. Pure.
import type { Table } from '../../state/offer.svelte';
import { dominant, purity, type Cluster } from './data';

export function clusterTables(
  clusters: readonly Cluster[],
  before: readonly Cluster[] | null,
  names: readonly string[],
): Table[] {
  return [
    {
      name: 'Clusters',
      head: ['cluster', 'most of', 'share', 'images', 'before', ...names],
      rows: clusters.map((one) => [
        String(one.index).padStart(2, '0'),
        one.size ? names[dominant(one.mix)] : 'empty',
        one.size ? purity(one) : null,
        one.size,
        before?.[one.index]?.size ?? null,
        ...names.map((_, k) => one.mix[k] ?? 0),
      ]),
    },
  ];
}
