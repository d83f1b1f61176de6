// Titles and tooltips of cells. Pure.
import { formatCount, percent, signedCount } from '../../../base/format';
import type { Cell } from './data';

export const cellTitle = (names: readonly string[], { truth, predicted }: Cell): string =>
  truth === predicted ? `${names[truth]}, recognised` : `${names[truth]} → ${names[predicted]}`;

const MAX_LETTERS = 12;
const cut = (name: string): string => (name.length > MAX_LETTERS ? `${name.slice(0, MAX_LETTERS - 1)}…` : name);

/** `cat → dog`: from one class to another, with shortened names. */
export const arrow = (from: string, to: string): string => `${cut(from)} → ${cut(to)}`;

export interface CellFacts {
  value: number;
  /** Null where there is no checkpoint to compare with. */
  was: number | null;
  /** How the checkpoint is called that it is compared with. */
  reference: string;
  row: number;
  column: number;
}

/** The rows of a cell's tooltip. */
export const cellRows = ({ value, was, reference, row, column }: CellFacts): [string, string][] => [
  ['images', formatCount(value)],
  [
    reference,
    was === null
      ? '–'
      : `${formatCount(was)}, ${reference === 'reference' ? 'change' : 'A − B'} ${signedCount(value - was)}`,
  ],
  ['of true class', percent(value / (row || 1))],
  ['of prediction', percent(value / (column || 1))],
];
