// Lineage of a cluster: its images at the checkpoint before, and its former images now. Pure.
import { formatCount, percent } from '../../base/format';

export interface TracedCluster {
  index: number;
  size: number;
  name: string;
  /** Most first. */
  from: readonly { cluster: number; images: number }[];
}

export interface LineagePart {
  cluster: number;
  images: number;
}

export interface Lineage {
  /** The clusters in which its images were. */
  from: LineagePart[];
  /** The clusters in which the images are that it contained then. */
  to: LineagePart[];
  /** Number of images that it held then. */
  held: number;
  /** Number of images in it then and now. */
  stayed: number;
}

export function lineage(clusters: readonly TracedCluster[], index: number): Lineage {
  const own = clusters.find((one) => one.index === index);
  const to = clusters
    .map((one) => ({
      cluster: one.index,
      images: one.from.find((source) => source.cluster === index)?.images ?? 0,
    }))
    .filter((part) => part.images > 0)
    .sort((a, b) => b.images - a.images || a.cluster - b.cluster);
  return {
    from: own ? [...own.from] : [],
    to,
    held: to.reduce((sum, part) => sum + part.images, 0),
    stayed: to.find((part) => part.cluster === index)?.images ?? 0,
  };
}

/** A part of a quarter and more says where a cluster came from or went. */
const LARGE = 0.25;
/** The share of a cluster's former or current images from which on it counts as the same cluster. */
const SAME = 0.5;

const number = (index: number) => String(index).padStart(2, '0');
const list = (parts: readonly LineagePart[]) =>
  parts
    .map((part) => number(part.cluster))
    .join(', ')
    .replace(/, ([^,]*)$/, ' and $1');

/** The lineage of a cluster since the previous checkpoint (null: not named), in a few words. */
export function lineageWords(
  line: Lineage,
  index: number,
  { size, previous }: { size: number; previous: number | null },
): string {
  const earlier = previous === null ? 'the previous checkpoint' : String(previous);
  if (!size) return 'empty';
  if (!line.held) return `empty at ${earlier}`;
  const came = line.from.filter((part) => part.cluster !== index && part.images >= LARGE * size);
  const went = line.to.filter((part) => part.cluster !== index && part.images >= LARGE * line.held);
  if (came.length && went.length) return `took in much of ${list(came)}, gave much to ${list(went)}`;
  if (came.length)
    return line.stayed >= LARGE * size ? `merged with part of ${list(came)}` : `made of ${list(came)}`;
  if (went.length) return `split: much of it went to ${list(went)}`;
  if (line.stayed >= SAME * size || line.stayed >= SAME * line.held)
    return `${percent(line.stayed / size, 0)} of its images were already in it at ${earlier}`;
  return `mixed anew from ${formatCount(line.from.length)} clusters`;
}
