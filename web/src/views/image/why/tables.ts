/** The page's numbers as tables. Pure but for what it reads. */
import type { ExplanationFilm, ExplanationMap, MethodCheck } from '../../../api/types';
import type { Table } from '../../../state/exportData';

interface Source {
  readonly film: ExplanationFilm | null;
  readonly series: readonly ExplanationMap[];
  readonly check: MethodCheck | null;
  readonly method: { title: string };
}

export function whyTables({ film, series, check, method }: Source, names: readonly string[]): Table[] {
  return [
    {
      name: 'Logits',
      head: ['checkpoint', 'predicted', ...names],
      rows: series.map((one) => [one.checkpoint, names[one.predicted] ?? '–', ...one.logits]),
    },
    ...(film
      ? [
          {
            name: method.title,
            head: ['checkpoint', 'class', 'against', 'explained', 'completeness error', 'greatest', 'least'],
            rows: film.maps.map((map) => {
              const known = map.values.filter((value) => value !== null);
              return [
                map.checkpoint,
                names[map.class] ?? null,
                map.versus === null ? null : (names[map.versus] ?? null),
                map.explained,
                map.completeness_error,
                known.length ? Math.max(...known) : null,
                known.length ? Math.min(...known) : null,
              ];
            }),
          },
        ]
      : []),
    ...(check
      ? [
          {
            name: `Check of ${method.title}`,
            head: ['shuffled down to', 'agreement (Spearman)'],
            rows: check.steps.map(({ layer, correlation }) => [layer, correlation]),
          },
        ]
      : []),
  ];
}
