// The numbers about an open cluster as tables. Pure.
import type { ClusterCaptions, ClusterOverlap, Slice } from '../../../api/types';
import type { Table } from '../../../state/exportData';
import { sliceWords, type SliceKey } from './makes';

function captionTable({ index, captions }: ClusterCaptions['clusters'][number]): Table {
  const kinds = { property: 'Hedges’ g, its interval', other: 'Cohen’s h, interval of the difference' };
  return {
    name: `What makes cluster ${index}`,
    head: [
      'caption',
      'measure',
      'inside',
      'outside',
      'images',
      'others',
      'effect',
      'kind',
      'from',
      'to',
      'repeats',
    ],
    rows: captions.map((one) => [
      one.text,
      one.measure,
      one.inside,
      one.outside,
      ...one.images,
      one.effect,
      one.subject === 'property' ? kinds.property : kinds.other,
      ...one.interval,
      one.repeats === null ? '' : captions[one.repeats].text,
    ]),
  };
}

function sliceTable(key: SliceKey, slice: Slice): Table {
  const side = (name: string, { images, wrong, error, interval }: Slice['inside']) => [
    name,
    images,
    wrong,
    error,
    ...(interval ?? [null, null]),
  ];
  const difference = (name: string, found: Slice['difference']) => [
    name,
    null,
    null,
    found?.value ?? null,
    ...(found?.interval ?? [null, null]),
  ];
  return {
    name: `Error by ${slice.measure}`,
    head: ['images', 'count', 'wrong', 'error', 'from', 'to'],
    rows: [
      side(sliceWords(key, slice), slice.inside),
      side('the others', slice.outside),
      difference('difference', slice.difference),
      difference('difference between images of the same class', slice.within_classes),
    ],
  };
}

/** What is known of the open cluster; what has not come is left out. */
export function makesTables(
  captions: ClusterCaptions | null,
  overlap: ClusterOverlap | null,
  sliced: { key: SliceKey; slice: Slice } | null,
): Table[] {
  const cluster = captions?.clusters.at(0);
  return [
    ...(cluster ? [captionTable(cluster)] : []),
    ...(sliced ? [sliceTable(sliced.key, sliced.slice)] : []),
    ...(overlap
      ? [
          {
            name: `Images of cluster ${overlap.cluster} in ${overlap.to_layer}, ${overlap.to_metric}`,
            head: ['cluster there', 'name', 'images of both', 'images there'],
            rows: overlap.parts.map((part) => [part.cluster, part.name, part.images, part.size]),
          },
        ]
      : []),
  ];
}
