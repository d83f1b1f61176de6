// The table of runs: columns, filter, order, groups, and the rows that are drawn. Pure.
import type { NetworkOutline, RunCurves, RunSummary } from '../../api/types';
import { count, percent, plural } from '../../base/format';
import { TERMS } from '../../base/terms';
import { differingSettings, settingName, settingText, settingValue } from './settings';

/** What is known of a run from its curves: absent until they are read. */
export type RunFacts = Pick<RunCurves, 'best' | 'last' | 'images_per_second'>;

export interface RunRow {
  run: RunSummary;
  network: NetworkOutline | null;
  facts: RunFacts | null;
}

type Value = string | number | null;

export interface Column {
  key: string;
  title: string;
  /** Of its cells, in twelfths of the base size. */
  width: number;
  isNumber: boolean;
  value: (row: RunRow) => Value;
  text: (row: RunRow) => string;
  /** What the column is, where its title is short. */
  says?: string;
}

const dash = (text: string | null | undefined): string => (text ? text : '–');
const errorText = (error: number | null | undefined): string => (error == null ? '–' : percent(error, 2));
export const bestError = ({ facts }: RunRow): number | null => facts?.best?.error ?? null;
export const lastError = ({ run, facts }: RunRow): number | null =>
  run.divergence ? null : (facts?.last?.error ?? run.test_error);

const STATE_ORDER = ['running', 'finished', 'stopped', 'diverged'];

/** The columns that every listing has; the settings stand behind them. */
const ABOUT: Column[] = [
  {
    key: 'name',
    title: 'Run',
    width: 208,
    isNumber: false,
    value: ({ run }) => run.name,
    text: ({ run }) => run.name,
  },
  {
    key: 'network',
    title: 'Network',
    width: 204,
    isNumber: false,
    value: ({ network }) => network?.name ?? null,
    text: ({ network }) => dash(network?.name),
  },
  {
    key: 'parameters',
    title: 'Parameters',
    width: 88,
    isNumber: true,
    value: ({ network }) => network?.parameters ?? null,
    text: ({ network }) => (network ? count(network.parameters) : '–'),
  },
  {
    key: 'data',
    title: 'Data',
    width: 184,
    isNumber: false,
    value: ({ run }) => dataName(run),
    text: ({ run }) => dataName(run),
    says: 'Images of training and of test',
  },
];

const RESULTS: Column[] = [
  {
    key: 'best',
    title: 'Best error',
    width: 80,
    isNumber: true,
    value: bestError,
    text: (row) => errorText(bestError(row)),
    says: 'The least test error of all that were measured',
  },
  {
    key: 'last',
    title: 'Last error',
    width: 80,
    isNumber: true,
    value: lastError,
    text: (row) => errorText(lastError(row)),
    says: 'The test error that was measured last',
  },
  {
    key: 'speed',
    title: 'Images / s',
    width: 80,
    isNumber: true,
    value: ({ facts }) => facts?.images_per_second ?? null,
    text: ({ facts }) => (facts?.images_per_second == null ? '–' : count(facts.images_per_second)),
    says: TERMS['images/s'],
  },
  {
    key: 'state',
    title: 'State',
    width: 80,
    isNumber: false,
    value: ({ run }) => STATE_ORDER.indexOf(run.state),
    text: ({ run }) => run.state,
  },
  {
    key: 'modified',
    title: 'Changed',
    width: 132,
    isNumber: false,
    value: ({ run }) => run.modified,
    text: ({ run }) => whenText(run.modified),
  },
];

export const dataName = ({ corpus }: RunSummary): string =>
  `${corpus.name}, ${count(corpus.train)} + ${count(corpus.test)}`;

export const dataWords = ({ corpus, image_shape, classes }: RunSummary): string =>
  `${count(corpus.train)} images to learn from, ${count(corpus.test)} of test, ` +
  `${image_shape.width} × ${image_shape.height} pixels, ${plural(classes, 'class', 'classes')}`;

const two = (value: number): string => String(value).padStart(2, '0');

/** `2026-11-30 09:50`, in the time of who looks. */
export function whenText(seconds: number | null): string {
  if (seconds === null) return '–';
  const at = new Date(seconds * 1000);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

const LETTER = 6.4;

const settingColumn = (key: string, runs: readonly RunSummary[]): Column => {
  const longest = Math.max(
    settingName(key).length,
    ...runs.map((run) => settingText(run.settings[key] ?? '').length),
  );
  const texts = runs.flatMap((run) => run.settings[key] ?? []);
  return {
    key: `set:${key}`,
    title: settingName(key),
    width: Math.round(Math.min(160, Math.max(56, longest * LETTER + 20))),
    isNumber: texts.length > 0 && texts.every((text) => text !== '' && Number.isFinite(Number(text))),
    value: ({ run }) => settingValue(run.settings[key]),
    text: ({ run }) => dash(settingText(run.settings[key] ?? '')),
  };
};

export function columnsOf(runs: readonly RunSummary[]): Column[] {
  const settings = differingSettings(runs).map((key) => settingColumn(key, runs));
  // What they came to stands in sight, however many settings differ.
  return [...ABOUT, ...RESULTS, ...settings];
}

/** The rows that hold every word of a text, in their name, network, state or as `key=value`. */
export function filterRows(rows: readonly RunRow[], text: string): RunRow[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [...rows];
  return rows.filter((row) => {
    const held = heldText(row);
    return words.every((word) => held.includes(word));
  });
}

const texts = new WeakMap<RunSummary, string>();
function heldText({ run, network }: RunRow): string {
  const known = texts.get(run);
  if (known !== undefined) return known;
  const settings = Object.entries(run.settings).map(([key, value]) => `${key}=${value}`);
  const text = [
    run.id,
    run.name,
    network?.name ?? '',
    run.corpus.name,
    run.state,
    run.source ?? '',
    ...settings,
  ]
    .join('\n')
    .toLowerCase();
  texts.set(run, text);
  return text;
}

export interface Order {
  key: string;
  descending: boolean;
}

const compared = (a: string | number, b: string | number): number => {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'number') return -1;
  if (typeof b === 'number') return 1;
  return collator.compare(a, b);
};
const collator = new Intl.Collator('en', { numeric: true });

/** Sorted by a column; what has no value comes last either way, equals keep their order. */
export function sortRows(rows: readonly RunRow[], column: Column | undefined, descending: boolean): RunRow[] {
  if (!column) return [...rows];
  const sign = descending ? -1 : 1;
  return rows
    .map((row) => ({ row, value: column.value(row) }))
    .sort(({ value: a }, { value: b }) => {
      if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
      return sign * compared(a, b);
    })
    .map(({ row }) => row);
}

export type Line = { kind: 'group'; name: string; runs: number } | { kind: 'run'; row: RunRow };

/** The lines of the table: the rows, under a line for each group where a column groups them. */
export function linesOf(rows: readonly RunRow[], groupBy: Column | undefined): Line[] {
  const line = (row: RunRow): Line => ({ kind: 'run', row });
  if (!groupBy) return rows.map(line);
  const groups = new Map<string, RunRow[]>();
  for (const row of rows) {
    const name = groupBy.text(row);
    const group = groups.get(name);
    if (group) group.push(row);
    else groups.set(name, [row]);
  }
  const names = [...groups.keys()].sort((a, b) => (a === '–' ? 1 : b === '–' ? -1 : collator.compare(a, b)));
  return names.flatMap((name): Line[] => {
    const group = groups.get(name) ?? [];
    return [{ kind: 'group', name, runs: group.length }, ...group.map(line)];
  });
}

/** Lines that are drawn above and below those in sight. */
const AROUND = 6;

/** The lines to draw of a list that is scrolled: those in sight and some around them. */
export function drawnRange(
  scroll: { top: number; height: number },
  line: number,
  total: number,
): { from: number; to: number } {
  const from = Math.max(0, Math.min(total, Math.floor(scroll.top / line)) - AROUND);
  return { from, to: Math.min(total, Math.ceil((scroll.top + scroll.height) / line) + AROUND) };
}

/** No range of a list of this height holds more lines: a line at every such distance may take the place of another. */
export const mostDrawn = (height: number, line: number): number => Math.ceil(height / line) + 1 + 2 * AROUND;
