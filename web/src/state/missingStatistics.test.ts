import { describe, expect, it } from 'vitest';
import { ApiError } from '../api/client';
import { missingData, noStatistics, commandsIn, skippedLines, missingPredictions } from './missingStatistics';

const run = { statistics_problem: null };
const broken = { statistics_problem: 'file is not a database' };
const point = (state: 'ready' | 'failed' | 'stale' | 'missing', rest = {}) => ({
  statistics: { train: 'missing' as const, test: state },
  diverged: false,
  not_finite: false,
  ...rest,
});

describe('a checkpoint without statistics', () => {
  it('says why where waiting does not help', () => {
    expect(noStatistics(run, point('failed', { diverged: true }), 'test')).toMatch(/diverged/);
    expect(noStatistics(run, point('missing', { not_finite: true }), 'test')).toMatch(/diverged/);
    expect(noStatistics(run, point('failed'), 'test')).toMatch(/could not be computed/);
    expect(noStatistics(run, point('stale'), 'test')).toMatch(/computes them anew/);
    expect(noStatistics(broken, point('missing'), 'test')).toBe('the statistics cannot be read');
  });

  it('says nothing where there are some, or where they are not computed yet', () => {
    expect(noStatistics(run, point('ready', { diverged: true }), 'test')).toBeNull();
    expect(noStatistics(run, point('missing'), 'test')).toBeNull();
    expect(noStatistics(run, point('ready'), 'train')).toBeNull();
    expect(noStatistics(null, null, 'test')).toBeNull();
  });
});

describe('data that is not computed yet (409)', () => {
  const problem = {
    title: 'What is needed for this is missing',
    status: 409,
    detail: 'run deep: the statistics of checkpoint 3 (test) leave out layer1.0.conv1',
    hint: 'compute it too with `deepviz stats RUN --layers layer1.0.conv1`',
  };

  it('is told from a failure, in the words of the server', () => {
    expect(missingData(new ApiError(problem))).toEqual({
      what: 'the statistics of checkpoint 3 (test) leave out layer1.0.conv1',
      hint: problem.hint,
    });
    expect(missingData(new ApiError({ title: problem.title, status: 409 }))?.what).toBe(problem.title);
    expect(missingData(new ApiError({ ...problem, status: 404 }))).toBeNull();
    expect(missingData(new Error('x'))).toBeNull();
  });

  it('separates commands from the text', () => {
    expect(commandsIn(problem.hint)).toEqual([
      { text: 'compute it too with ', isCommand: false },
      { text: 'deepviz stats RUN --layers layer1.0.conv1', isCommand: true },
    ]);
    expect(commandsIn('the other checkpoints are not affected')).toHaveLength(1);
    expect(commandsIn('')).toEqual([]);
  });
});

describe('checkpoints at which an image has no prediction', () => {
  const at = (index: number, diverged = false, problem: string | null = null) => ({
    index,
    problem,
    diverged,
    not_finite: diverged,
  });

  it('are counted by the reason', () => {
    const points = [at(0), at(1), at(2, false, 'file is truncated'), at(3, true), at(4, true)];
    expect(missingPredictions(points, [0, 1, 3, 4])).toBe('');
    expect(missingPredictions(points, [0, 3, 4])).toBe(
      '3 of 4 checkpoints known; the rest are computed with the statistics',
    );
    expect(missingPredictions(points, [0, 1])).toBe('2 of 4 checkpoints known; the rest have diverged');
    expect(missingPredictions(points, [0])).toBe(
      '1 of 4 checkpoints known; 2 have diverged; the rest are computed with the statistics',
    );
  });
});

it('skipped lines of the metrics are reported', () => {
  expect(skippedLines({ lines: 1, first_line: 5, reason: 'missing field `loss`' })).toBe(
    'Line 5 of metrics.jsonl cannot be read and is left out: missing field `loss`',
  );
  expect(skippedLines({ lines: 1200, first_line: 5, reason: 'x' })).toMatch(/^1,200 lines .* line 5: x$/);
});
