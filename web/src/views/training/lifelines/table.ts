/** Lifelines as tables. Pure. */
import type { Lifelines } from '../../../api/types';
import type { Table } from '../../../state/exportData';
import { splitWith, word, type EpochOf, type Match } from './lifelines';

const KINDS: Record<Match['kind'], string> = {
  mutual: 'each other’s best',
  matched: 'matched',
  unmatched: 'no partner, the nearest',
  constant: 'constant',
};

export interface MatchedWith {
  layer: string;
  matches: ReadonlyMap<number, Match>;
}

export function lifelineTables(found: Lifelines, epochOf: EpochOf, second: MatchedWith | null): Table[] {
  const unitOf = (row: readonly (string | number | null)[]) => ({
    layer: found.layer,
    filter: Number(row[0]),
  });
  const head = ['born', 'epoch', 'took over from', 'correlation with it', 'split with', 'dead from'];
  return [
    {
      name: `Lifelines of ${found.layer}`,
      head: [
        word(found),
        ...head,
        ...(second ? [`${second.layer} of B`, 'correlation with B', 'match in B'] : []),
      ],
      unitOf,
      rows: found.units.map((one) => {
        const match = second?.matches.get(one.unit);
        return [
          String(one.unit),
          one.born,
          one.born === null ? null : epochOf(one.born),
          one.origin?.unit ?? null,
          one.origin?.correlation ?? null,
          splitWith(found.units, one).join(' ') || null,
          one.died,
          ...(second
            ? [match?.b ?? null, match?.correlation ?? null, match ? KINDS[match.kind] : 'not compared']
            : []),
        ];
      }),
    },
    {
      name: 'Correlation with the final self',
      head: [`${word(found)} \\ checkpoint`, ...found.checkpoints.map(String)],
      unitOf,
      rows: found.units.map((one) => [String(one.unit), ...one.to_last]),
    },
  ];
}
