import { expect, it } from 'vitest';
import { imageTables } from './tables';

it('checkpoints at which the network has diverged are in the table of probabilities, as words', () => {
  const input = {
    rows: [[0.25, 0.75]],
    checkpoints: [0],
    diverged: [1, 2],
    names: ['a', 'b'],
    exampleStats: null,
  };
  expect(imageTables(input)[0].rows).toEqual([
    ['0', 0.25, 0.75],
    ['1', 'diverged', 'diverged'],
    ['2', 'diverged', 'diverged'],
  ]);
  expect(imageTables({ ...input, rows: [] })).toEqual([]);
});
