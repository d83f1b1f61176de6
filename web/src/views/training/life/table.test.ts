import { expect, it } from 'vitest';
import { lifeOf } from './life';
import { lifeTable } from './table';

const life = lifeOf('fc', true, {
  checkpoints: [0, 1, 2, 4],
  health: [
    ['dead', 'alive'],
    ['revived', 'alive'],
    ['dead', 'at_risk'],
    ['revived', 'alive'],
  ],
  active: [
    [0, 0.5],
    [0.2, 0.5],
    [0, 0.001],
    [0.1, 0.5],
  ],
  zeros: [],
});

it('the units as a table at a checkpoint', () => {
  const { unitOf, ...table } = lifeTable(life, 2);
  expect(unitOf?.(table.rows[1])).toEqual({ layer: 'fc', filter: 1 });
  expect(table).toEqual({
    name: 'Units of fc',
    head: ['unit', 'state now', 'active share', 'first death', 'last death', 'revived'],
    rows: [
      ['0', 'dead', 0, 0, 2, 2],
      ['1', 'at risk', 0.001, null, null, 0],
    ],
  });
  expect(lifeTable(life, 3).rows[0]).toEqual(['0', 'no statistics', null, 0, 2, 2]);
});
