// The numbers of the clusters view as a table. Pure.
import type { ClusterCaptions } from '../../api/types';
import type { Table } from '../../state/exportData';
import { dominant, purity, type Cluster } from './data';
import { cardCaption, captionSentence } from './makes/makes';
import type { Likest } from './two/flow';
import { lineage, lineageWords, type TracedCluster } from './lineage';

const likestCells = (one: Likest | null): (number | null)[] =>
  one ? [one.index, one.images, one.share] : [null, null, null];

export function clusterTables(
  clusters: readonly (Cluster & TracedCluster)[],
  beside: {
    before: readonly Cluster[] | null;
    captions: ClusterCaptions | null;
    /** Those of B; null without them. */
    likest: readonly (Likest | null)[] | null;
  },
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
        'caption',
        'effect',
        ...(beside.likest ? ['most like in B', 'images in both', 'of those in either'] : []),
        ...names,
      ],
      rows: clusters.map((one) => {
        const caption = cardCaption(beside.captions?.clusters[one.index]?.captions ?? []);
        return [
          String(one.index).padStart(2, '0'),
          one.name,
          one.size ? names[dominant(one.mix)] : 'empty',
          one.size ? purity(one) : null,
          one.size,
          beside.before?.[one.index]?.size ?? null,
          one.from.length
            ? lineageWords(lineage(clusters, one.index), one.index, { size: one.size, previous: null })
            : null,
          caption ? `${caption.text}: ${captionSentence(caption)}` : null,
          caption?.effect ?? null,
          ...(beside.likest ? likestCells(beside.likest[one.index]) : []),
          ...names.map((_, k) => one.mix[k] ?? 0),
        ];
      }),
    },
  ];
}
