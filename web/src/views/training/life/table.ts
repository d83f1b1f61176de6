/** The units of a layer as a table. Pure. */
import type { Table } from '../../../state/exportData';
import { spellsOf, stateWord, troubles, type Life } from './life';

/** The table of units at a checkpoint, with each unit's deaths over all checkpoints with statistics. */
export function lifeTable(life: Life, checkpoint: number): Table {
  const column = life.checkpoints.indexOf(checkpoint);
  const trouble = troubles(life);
  const deaths = new Map<number, number[]>();
  for (const { unit, death } of spellsOf(life)) deaths.set(unit, [...(deaths.get(unit) ?? []), death.at]);
  return {
    name: `${life.isFlat ? 'Units' : 'Filters'} of ${life.layer}`,
    head: ['unit', 'state now', 'active share', 'first death', 'last death', 'revived'],
    unitOf: (row) => ({ layer: life.layer, filter: Number(row[0]) }),
    rows: trouble.map(({ revived }, unit) => [
      String(unit),
      stateWord(life.health[column]?.[unit]),
      life.shares[column]?.[unit] ?? null,
      deaths.get(unit)?.[0] ?? null,
      deaths.get(unit)?.at(-1) ?? null,
      revived,
    ]),
  };
}
