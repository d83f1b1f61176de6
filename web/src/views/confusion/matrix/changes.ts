// The cells that grew and that fell most between two checkpoints, beyond the noise. Pure.
import { changeOfMeans, windowsAround, type Windows } from '../../common/windows';
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

/**
 * The indices whose means are compared, around the reference and around the current checkpoint. Where not all checkpoints
 * were read (many classes), each is compared as it is: Poisson noise alone decides.
 */
export function windowsOf(
  series: Series,
  {
    whole,
    beginsUntrained,
    ...between
  }: { reference: number; current: number; whole: boolean; beginsUntrained: boolean },
): Windows {
  if (whole) return windowsAround(series.checkpoints, between, beginsUntrained);
  const [reference, current] = [between.reference, between.current].map((one) =>
    series.checkpoints.indexOf(one),
  );
  return reference < 0 || current < 0 || reference === current
    ? { reference: [], current: [] }
    : { reference: [reference], current: [current] };
}

/** The greatest changes of one sign, in order; of 1,000 classes there are a million cells, so no list is made of them. */
class Greatest {
  readonly found: CountChange[] = [];
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  /** True where a change of that size would be among them. An equal one that was found earlier stays before. */
  takes(size: number): boolean {
    const last = this.found[this.#max - 1];
    return this.#max > 0 && (!last || size > Math.abs(last.change));
  }

  add(one: CountChange): void {
    let at = this.found.length;
    while (at > 0 && Math.abs(this.found[at - 1].change) < Math.abs(one.change)) at -= 1;
    this.found.splice(at, 0, one);
    this.found.length = Math.min(this.found.length, this.#max);
  }
}

/** Means over checkpoints, cell by cell. */
function meansOf(checkpoints: readonly Counts[], cells: number): Float64Array {
  const means = new Float64Array(cells);
  for (const counts of checkpoints) for (let at = 0; at < cells; at++) means[at] += counts[at];
  for (let at = 0; at < cells; at++) means[at] /= checkpoints.length;
  return means;
}

/** The cells off the diagonal whose counts grew and fell most, without those whose change is within the noise. */
export function largestChanges(series: Series, { reference, current }: Windows, max = 3): LargestChanges {
  if (!reference.length || !current.length) return { grew: [], fell: [], compared: null };
  const { classes, checkpoints } = series;
  const countsOf = (indices: number[]): Counts[] => indices.map((n) => series.counts[n]);
  const [earlier, later] = [countsOf(reference), countsOf(current)];
  const [before, after] = [meansOf(earlier, classes ** 2), meansOf(later, classes ** 2)];
  const [grew, fell] = [new Greatest(max), new Greatest(max)];
  for (let at = 0; at < before.length; at++) {
    // Most cells of many classes are empty; only what is large enough is held against the noise.
    const size = after[at] - before[at];
    if (size === 0 || at % (classes + 1) === 0) continue;
    const list = size > 0 ? grew : fell;
    if (!list.takes(Math.abs(size))) continue;
    const { change, beyondNoise } = changeOfMeans(
      earlier.map((counts) => counts[at]),
      later.map((counts) => counts[at]),
    );
    if (beyondNoise) list.add({ truth: Math.floor(at / classes), predicted: at % classes, change });
  }
  const ends = (indices: number[]): [number, number] => [
    checkpoints[indices[0]],
    checkpoints[indices[indices.length - 1]],
  ];
  return {
    grew: grew.found,
    fell: fell.found,
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
