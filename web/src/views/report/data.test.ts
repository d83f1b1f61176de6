import { describe, expect, it } from 'vitest';
import { errorCurvePath, sampleCheckpoints } from './data';

const points = Array.from({ length: 51 }, (_, index) => ({ index, problem: null as string | null }));

describe('the report', () => {
  it('samples checkpoints from the first to the last, closer together at first', () => {
    const chosen = sampleCheckpoints(points, 6);
    expect(chosen).toEqual([0, 2, 8, 18, 32, 50]);
    expect(sampleCheckpoints(points.slice(0, 3), 6)).toEqual([0, 1, 2]);
    expect(sampleCheckpoints([{ index: 0, problem: 'broken' }, ...points.slice(1, 3)], 6)).toEqual([1, 2]);
  });
  it('draws the error and breaks at gaps', () => {
    const at = (step: number, test_error: number | null, problem: string | null = null) => ({
      step,
      test_error,
      problem,
      not_finite: false,
    });
    expect(errorCurvePath([at(0, 1), at(5, 0.5), at(10, 0)], { width: 100, height: 10 })).toBe(
      'M0.0,10.0h0L50.0,5.0L100.0,0.0',
    );
    expect(errorCurvePath([at(0, 1), at(5, null, 'broken'), at(10, 0)], { width: 100, height: 10 })).toBe(
      'M0.0,10.0h0M100.0,0.0h0',
    );
    const divergedPoint = { ...at(5, null), not_finite: true };
    expect(errorCurvePath([at(0, 1), divergedPoint, at(10, 0)], { width: 100, height: 10 })).toBe(
      'M0.0,10.0h0M100.0,0.0h0',
    );
  });
});
