/** Messages about missing statistics, predictions and metrics. Pure. */
import { ApiError } from '../api/client';
import type { Checkpoint, Metrics, Run, Split } from '../api/types';
import { formatCount, plural } from '../base/format';

/**
 * The reason why a checkpoint has no statistics of a split and waiting will not help. Null where it has them, or where
 * they are only not computed yet.
 */
export function noStatistics(
  run: Pick<Run, 'statistics_problem'> | null,
  point: Pick<Checkpoint, 'statistics' | 'diverged' | 'not_finite'> | null,
  split: Split,
): string | null {
  const state = point?.statistics[split];
  if (state === 'ready') return null;
  if (run?.statistics_problem) return 'the statistics cannot be read';
  if (point?.diverged || point?.not_finite) return 'no statistics: the network has diverged here';
  if (state === 'failed') return 'the statistics could not be computed';
  if (state === 'stale')
    return 'the statistics are of another snapshot or corpus: deepviz stats computes them anew';
  return null;
}

/**
 * The server's message about data that must be computed first (409): what is missing, and how to compute it, with commands
 * in backticks. Null for every other failure.
 */
export function missingData(error: unknown): { what: string; hint: string } | null {
  if (!(error instanceof ApiError) || error.status !== 409) return null;
  const { title, detail, hint = '' } = error.problem;
  // The page shows one run, and says which.
  return { what: (detail || title).replace(/^run \S+: /, ''), hint };
}

/** A text with commands in backticks, in parts: `use \`deepviz stats RUN\`` is words, then a command. */
export const commandsIn = (text: string): { text: string; isCommand: boolean }[] =>
  text
    .split('`')
    .map((part, n) => ({ text: part, isCommand: n % 2 === 1 }))
    .filter((part) => part.text !== '');

/** Number of an image's readable checkpoints without a prediction, in words; empty where all have one. */
export function missingPredictions(
  points: readonly Pick<Checkpoint, 'index' | 'problem' | 'diverged' | 'not_finite'>[],
  known: readonly number[],
): string {
  const has = new Set(known);
  const readable = points.filter((point) => !point.problem);
  const open = readable.filter((point) => !has.has(point.index));
  if (!open.length) return '';
  const divergedCount = open.filter((point) => point.diverged || point.not_finite).length;
  const parts = [
    `${formatCount(readable.length - open.length)} of ${plural(readable.length, 'checkpoint')} known`,
  ];
  if (divergedCount)
    parts.push(
      divergedCount === open.length
        ? 'the rest have diverged'
        : `${formatCount(divergedCount)} ${divergedCount === 1 ? 'has' : 'have'} diverged`,
    );
  if (divergedCount < open.length) parts.push('the rest are computed with the statistics');
  return parts.join('; ');
}

/** `3 lines of metrics.jsonl cannot be read and are left out, the first is line 5: missing field`. */
export function skippedLines(skipped: NonNullable<Metrics['skipped']>): string {
  const { lines, first_line, reason } = skipped;
  return lines === 1
    ? `Line ${formatCount(first_line)} of metrics.jsonl cannot be read and is left out: ${reason}`
    : `${formatCount(lines)} lines of metrics.jsonl cannot be read and are left out, the first is line ${formatCount(first_line)}: ${reason}`;
}
