// The numbers of the clusters view as a table. Pure.
import type { Table } from '../../state/exportData';
import { dominant, purity, type Cluster } from './data';
import { lineage, lineageWords, type TracedCluster } from './lineage';

export function clusterTables(
  clusters: readonly (Cluster & TracedCluster)[],
  before: readonly Cluster[] | null,
  names: readonly string[],
): Table[] {
  return [
    {
      name: 'Clusters',
      head: [
        'cluster',
        'name',
        'most of',
        'share',
        'images',
        'images at the reference',
        'since the previous checkpoint',
        ...names,
      ],
      rows: clusters.map((one) => [
        String(one.index).padStart(2, '0'),
        one.name,
        one.size ? names[dominant(one.mix)] : 'empty',
        one.size ? purity(one) : null,
        one.size,
        before?.[one.index]?.size ?? null,
        one.from.length
          ? lineageWords(lineage(clusters, one.index), one.index, { size: one.size, previous: null })
          : null,
        ...names.map((_, k) => one.mix[k] ?? 0),
      ]),
    },
  ];
}
