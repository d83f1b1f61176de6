// The cells that grew and that fell most between two checkpoints, beyond the noise. Pure.
import { changeOfMeans, windowAround } from '../../common/windows';
import type { Cell, Counts, Series } from './data';

export interface CountChange extends Cell {
  /** Mean of the later counts less that of the earlier ones. */
  change: number;
}

export interface LargestChanges {
  grew: CountChange[];
  fell: CountChange[];
  /** The checkpoints of both means: first and last. Null where there is nothing to compare. */
  compared: { reference: [number, number]; current: [number, number] } | null;
}

/** The indices in a series whose means are compared: around the reference and around the current checkpoint. */
export interface Windows {
  reference: number[];
  current: number[];
}

/** Where not all checkpoints were read (many classes), each is compared as it is: Poisson noise alone decides. */
export function windowsOf(
  series: Series,
  {
    reference,
    current,
    whole,
    beginsUntrained,
  }: { reference: number; current: number; whole: boolean; beginsUntrained: boolean },
): Windows {
  const around = (checkpoint: number) => {
    const at = series.checkpoints.indexOf(checkpoint);
    return whole ? windowAround(series.checkpoints, checkpoint, beginsUntrained) : at < 0 ? [] : [at];
  };
  return { reference: around(reference), current: around(current) };
}

/** The cells off the diagonal whose counts grew and fell most, without those whose change is within the noise. */
export function largestChanges(series: Series, { reference, current }: Windows, most = 3): LargestChanges {
  if (!reference.length || !current.length) return { grew: [], fell: [], compared: null };
  const { classes, checkpoints } = series;
  const countsOf = (indices: number[]): Counts[] => indices.map((n) => series.counts[n]);
  const [earlier, later] = [countsOf(reference), countsOf(current)];
  const told: CountChange[] = [];
  for (let truth = 0; truth < classes; truth++) {
    for (let predicted = 0; predicted < classes; predicted++) {
      if (truth === predicted) continue;
      const at = truth * classes + predicted;
      const { change, beyondNoise } = changeOfMeans(
        earlier.map((counts) => counts[at]),
        later.map((counts) => counts[at]),
      );
      if (beyondNoise) told.push({ truth, predicted, change });
    }
  }
  told.sort((a, b) => b.change - a.change);
  const ends = (indices: number[]): [number, number] => [
    checkpoints[indices[0]],
    checkpoints[indices[indices.length - 1]],
  ];
  return {
    grew: told.filter((one) => one.change > 0).slice(0, most),
    fell: told
      .filter((one) => one.change < 0)
      .slice(-most)
      .reverse(),
    compared: { reference: ends(reference), current: ends(current) },
  };
}

const rangeText = ([first, last]: [number, number]): string =>
  first === last ? `checkpoint ${first}` : `checkpoints ${first}–${last}`;

/** `means of checkpoints 3–7 and 38–40`. */
export function comparedText(compared: LargestChanges['compared']): string {
  if (!compared) return '';
  const { reference, current } = compared;
  const single = reference[0] === reference[1] && current[0] === current[1];
  return `${single ? '' : 'means of '}${rangeText(reference)} and ${rangeText(current).replace(/^\w+ /, '')}`;
}
