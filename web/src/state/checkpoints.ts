/** Navigation along checkpoints, some of which cannot be read. Pure. */
import type { Checkpoint } from '../api/types';

type Point = Pick<Checkpoint, 'problem'>;

/** The next readable checkpoint from `from` in the direction; `from` itself when there is none. */
export function nextReadable(points: readonly Point[], from: number, by: 1 | -1): number {
  for (let i = from + by; i >= 0 && i < points.length; i += by) if (!points[i].problem) return i;
  return from;
}

/** The readable checkpoint nearest to an index (an earlier one wins a draw); 0 when none is readable. */
export function nearestReadable(points: readonly Point[], index: number): number {
  const at = Math.min(points.length - 1, Math.max(0, index));
  for (let distance = 0; distance < points.length; distance += 1) {
    for (const i of [at - distance, at + distance])
      if (i >= 0 && i < points.length && !points[i].problem) return i;
  }
  return 0;
}

/** Readable checkpoints around one, nearest first, those ahead in the direction that the playhead moves in before those behind. */
export function neighbours(
  points: readonly Point[],
  from: number,
  by: 1 | -1,
  ahead: number,
  behind: number,
): number[] {
  const walk = (direction: 1 | -1, limit: number): number[] => {
    const out: number[] = [];
    for (let i = from + direction; i >= 0 && i < points.length && out.length < limit; i += direction)
      if (!points[i].problem) out.push(i);
    return out;
  };
  return [...walk(by, ahead), ...walk(by === 1 ? -1 : 1, behind)];
}

/** The readable checkpoint about one epoch later or earlier. */
export function epochAway(points: readonly Checkpoint[], from: number, by: 1 | -1): number {
  const target = points[from].epoch + by - by * 1e-6;
  let to = from;
  do to += by;
  while (to > 0 && to < points.length - 1 && (by > 0 ? points[to].epoch < target : points[to].epoch > target));
  return nearestReadable(points, to);
}

/** The checkpoint that others are compared with at first: the end of the first epoch; the first checkpoint of all where none
 * comes after that. */
export function initialReference(points: readonly Checkpoint[]): number {
  const at = points.findIndex((c) => c.epoch >= 1 - 1e-9 && !c.problem);
  return at < 0 || at === points.length - 1 ? 0 : at;
}

/**
 * Readable checkpoints in chunks of `size`, at fixed boundaries so that the same chunk is the same request: the one that
 * holds `from`, then those ahead in the direction that the playhead moves in, at most `limit` chunks.
 */
export function chunks(
  points: readonly Point[],
  from: number,
  by: 1 | -1,
  size: number,
  limit: number,
): number[][] {
  const out: number[][] = [];
  for (let n = 0; n < limit; n += 1) {
    const first = (Math.floor(from / size) + n * by) * size;
    if (first < 0 || first >= points.length) break;
    const last = Math.min(points.length, first + size);
    const part = [];
    for (let c = first; c < last; c += 1) if (!points[c].problem) part.push(c);
    if (part.length) out.push(part);
  }
  return out;
}

/** Which statistics are ready, as text: it changes when some become ready, not when checkpoints are added. */
export const readyStatisticsKey = (points: readonly Pick<Checkpoint, 'index' | 'statistics'>[]): string =>
  points
    .flatMap(({ index, statistics }) =>
      Object.entries(statistics).flatMap(([split, state]) => (state === 'ready' ? [`${index} ${split}`] : [])),
    )
    .join();

/** True where checkpoint 0 is the network before its first step. A run recorded by another program may begin trained. */
export const beginsUntrained = (
  run: { checkpoints: readonly { step: number }[] } | null | undefined,
): boolean => run?.checkpoints[0]?.step === 0;

/** Checkpoints at which the network can be run: they can be read, and neither the loss (`diverged`) nor a weight
 * (`not_finite`) has become NaN or infinite. */
export const usableCheckpoints = (
  points: readonly Pick<Checkpoint, 'index' | 'problem' | 'diverged' | 'not_finite'>[],
): number[] =>
  points.filter((point) => !point.problem && !point.diverged && !point.not_finite).map(({ index }) => index);
