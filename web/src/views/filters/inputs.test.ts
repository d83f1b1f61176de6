import { describe, expect, it } from 'vitest';
import { inputGrid, weightBar } from './inputs';

describe('the inputs of a unit', () => {
  it('fill the room below the weights, or none of it', () => {
    expect(inputGrid(577, 300)).toEqual({ columns: 3, rows: 12 });
    expect(inputGrid(120, 110)).toEqual({ columns: 1, rows: 3 });
    expect(inputGrid(577, 90).rows).toBe(0);
  });
  it('have bars to the side of their sign', () => {
    expect(weightBar(0.2, 0.2)).toEqual({ from: 0.5, width: 0.5 });
    expect(weightBar(-0.1, 0.2)).toEqual({ from: 0.25, width: 0.25 });
    expect([weightBar(0, 0).width, weightBar(NaN, 1).width]).toEqual([0, 0]);
  });
});
