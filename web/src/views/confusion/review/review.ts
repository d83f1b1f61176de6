// The review of possible label errors: verdicts counted, precision with its interval, tables. Pure.
import type { LabelIssue, Verdict } from '../../../api/types';
import type { Table } from '../../../state/exportData';

/** Images of the list at first, and how many more at a time. */
export const CUT = 40;
/** Images of the list that are shown at most; the export has all. */
export const MAX_SHOWN = 1000;

export const VERDICTS: { verdict: Verdict; key: string; mark: string }[] = [
  { verdict: 'wrong', key: '1', mark: 'w' },
  { verdict: 'right', key: '2', mark: 'r' },
  { verdict: 'unclear', key: '3', mark: 'u' },
];

/** The number of images in the address. */
export function cutFrom(text: string): number {
  const asked = /^\d{1,6}$/.test(text) ? Number(text) : CUT;
  return Math.min(MAX_SHOWN, Math.max(1, asked));
}

export type Verdicts = ReadonlyMap<number, Verdict>;

export interface Counts {
  wrong: number;
  right: number;
  unclear: number;
}

/** Verdicts on the images of the list. */
export function countVerdicts(items: readonly { id: number }[], verdicts: Verdicts): Counts {
  const counts: Counts = { wrong: 0, right: 0, unclear: 0 };
  for (const { id } of items) {
    const verdict = verdicts.get(id);
    if (verdict) counts[verdict] += 1;
  }
  return counts;
}

/** Wilson's score interval of 95 % for a share of `hits` of `n`. */
export function wilson(hits: number, n: number): [number, number] {
  if (n === 0) return [0, 1];
  const z = 1.959963984540054;
  const p = hits / n;
  const centre = p + (z * z) / (2 * n);
  const half = z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
  const scale = 1 + (z * z) / n;
  return [Math.max(0, (centre - half) / scale), Math.min(1, (centre + half) / scale)];
}

/** Share of wrong labels among those with a clear verdict; null before the first verdict. */
export function precision({ wrong, right }: Counts): { share: number; interval: [number, number] } | null {
  const decided = wrong + right;
  return decided === 0 ? null : { share: wrong / decided, interval: wilson(wrong, decided) };
}

/** The item to open: that of the selected image, else the first without a verdict, else the first. */
export function openItem(
  items: readonly { id: number }[],
  image: number | null,
  isReviewed: (id: number) => boolean,
): number {
  const selected = items.findIndex((one) => one.id === image);
  if (selected >= 0) return selected;
  return Math.max(
    0,
    items.findIndex((one) => !isReviewed(one.id)),
  );
}

/** Probabilities of label and suggestion, and the greatest of the others, at each checkpoint. */
export function threeCurves(
  rows: readonly (readonly number[])[],
  label: number,
  suggestion: number,
): { label: number[]; suggestion: number[]; rest: number[] } {
  return {
    label: rows.map((row) => row[label] ?? 0),
    suggestion: rows.map((row) => row[suggestion] ?? 0),
    rest: rows.map((row) => Math.max(0, ...row.filter((_, k) => k !== label && k !== suggestion))),
  };
}

export const reviewTable = (
  items: readonly LabelIssue[],
  verdicts: Verdicts,
  names: readonly string[],
): Table => ({
  name: 'Possible label errors',
  head: [
    'place',
    'image',
    'path',
    'label',
    'suggestion',
    'score',
    'verdict',
    'margin against label',
    'agreement',
    'confusion',
  ],
  rows: items.map((one, place) => [
    place + 1,
    one.id,
    one.path,
    names[one.label] ?? String(one.label),
    names[one.predicted] ?? String(one.predicted),
    one.score,
    verdicts.get(one.id) ?? null,
    one.doubt,
    one.agreement,
    one.confusion,
  ]),
});
