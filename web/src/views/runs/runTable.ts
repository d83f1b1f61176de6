// The table of runs: columns, filter, order, groups, and which rows are in the document. Pure.
import type { NetworkOutline, RunCurves, RunSummary } from '../../api/types';
import { formatCount, percent, plural } from '../../base/format';
import { TERMS } from '../../base/terms';
import { divergedWords } from '../../state/divergence';
import { outlineWords } from './outline';
import { differingSettings, settingName, settingText, settingValue } from './settings';

/** Results of a run that are read from its curves, after the list of runs. */
export type RunFacts = Pick<RunCurves, 'best' | 'last' | 'images_per_second'>;

export interface RunRow {
  run: RunSummary;
  network: NetworkOutline | null;
  /** Null until the curves are read. */
  facts: RunFacts | null;
}

type Value = string | number | null;

export interface Column {
  key: string;
  title: string;
  /** Width of its cells, in twelfths of the base font size. */
  width: number;
  isNumber: boolean;
  value: (row: RunRow) => Value;
  text: (row: RunRow) => string;
  /** The setting that the column shows; absent for the columns that every list of runs has. */
  setting?: string;
  /** Explains the column where its title is short. */
  tooltip?: string;
}

/** The text, or a dash where there is none. */
const orDash = (text: string | null | undefined): string => (text ? text : '–');
const errorText = (error: number | null | undefined): string => (error == null ? '–' : percent(error, 2));
export const bestError = ({ facts }: RunRow): number | null => facts?.best?.error ?? null;
export const lastError = ({ run, facts }: RunRow): number | null =>
  run.divergence ? null : (facts?.last?.error ?? run.test_error);

const STATE_ORDER = ['running', 'finished', 'stopped', 'diverged'];

/** Columns of every list of runs: what a run is. Its results follow, then the settings that differ. */
const ABOUT_COLUMNS: Column[] = [
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
    text: ({ network }) => orDash(network?.name),
  },
  {
    key: 'parameters',
    title: 'Parameters',
    width: 88,
    isNumber: true,
    value: ({ network }) => network?.parameters ?? null,
    text: ({ network }) => (network ? formatCount(network.parameters) : '–'),
  },
  {
    key: 'data',
    title: 'Data',
    width: 184,
    isNumber: false,
    value: ({ run }) => dataName(run),
    text: ({ run }) => dataName(run),
    tooltip: 'Images of training and of test',
  },
];

const RESULT_COLUMNS: Column[] = [
  {
    key: 'best',
    title: 'Best error',
    width: 80,
    isNumber: true,
    value: bestError,
    text: (row) => errorText(bestError(row)),
    tooltip: 'The least test error of all that were measured',
  },
  {
    key: 'last',
    title: 'Last error',
    width: 80,
    isNumber: true,
    value: lastError,
    text: (row) => errorText(lastError(row)),
    tooltip: 'The test error that was measured last',
  },
  {
    key: 'speed',
    title: 'Images / s',
    width: 80,
    isNumber: true,
    value: ({ facts }) => facts?.images_per_second ?? null,
    text: ({ facts }) => (facts?.images_per_second == null ? '–' : formatCount(facts.images_per_second)),
    tooltip: TERMS['images/s'],
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
  `${corpus.name}, ${formatCount(corpus.train)} + ${formatCount(corpus.test)}`;

const dataWords = ({ corpus, image_shape, classes }: RunSummary): string =>
  `${formatCount(corpus.train)} images to learn from, ${formatCount(corpus.test)} of test, ` +
  `${image_shape.width} × ${image_shape.height} pixels, ${plural(classes, 'class', 'classes')}`;

/** The tooltip of a cell whose text is short for more; undefined for the others. */
export function cellTooltip({ run, network }: RunRow, { key, setting }: Column): string | undefined {
  if (key === 'network' && network) return outlineWords(network.layers);
  if (key === 'data') return dataWords(run);
  if (key === 'state' && run.divergence) return divergedWords(run.divergence);
  return setting === undefined ? undefined : (run.settings[setting] ?? undefined);
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** `2026-11-30 09:50`, in the time zone of the browser. */
export function whenText(seconds: number | null): string {
  if (seconds === null) return '–';
  const at = new Date(seconds * 1000);
  const day = `${at.getFullYear()}-${twoDigits(at.getMonth() + 1)}-${twoDigits(at.getDate())}`;
  return `${day} ${twoDigits(at.getHours())}:${twoDigits(at.getMinutes())}`;
}

/** Average width of a letter, to estimate the width of a column. */
const LETTER_PX = 6.4;
/** Begins the keys of columns that show settings: a setting may be called like another column. Part of the address. */
const SETTING_PREFIX = 'set:';

const settingColumn = (key: string, runs: readonly RunSummary[]): Column => {
  const longest = Math.max(
    settingName(key).length,
    ...runs.map((run) => settingText(run.settings[key] ?? '').length),
  );
  const texts = runs.flatMap((run) => run.settings[key] ?? []);
  return {
    key: SETTING_PREFIX + key,
    setting: key,
    title: settingName(key),
    width: Math.round(Math.min(160, Math.max(56, longest * LETTER_PX + 20))),
    isNumber: texts.length > 0 && texts.every((text) => text !== '' && Number.isFinite(Number(text))),
    value: ({ run }) => settingValue(run.settings[key]),
    text: ({ run }) => orDash(settingText(run.settings[key] ?? '')),
  };
};

export function columnsOf(runs: readonly RunSummary[]): Column[] {
  const settings = differingSettings(runs).map((key) => settingColumn(key, runs));
  // Results come before the settings, so that they are visible however many settings differ.
  return [...ABOUT_COLUMNS, ...RESULT_COLUMNS, ...settings];
}

/** The rows that contain every word of a text, in their name, network, state or as `key=value`. */
export function filterRows(rows: readonly RunRow[], text: string): RunRow[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return [...rows];
  return rows.filter((row) => {
    const searched = searchText(row);
    return words.every((word) => searched.includes(word));
  });
}

const texts = new WeakMap<RunSummary, string>();
function searchText({ run, network }: RunRow): string {
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

const compareValues = (a: string | number, b: string | number): number => {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'number') return -1;
  if (typeof b === 'number') return 1;
  return collator.compare(a, b);
};
const collator = new Intl.Collator('en', { numeric: true });

/** Rows sorted by a column. Rows without a value come last in both directions; equal rows keep their order. */
export function sortRows(rows: readonly RunRow[], column: Column | undefined, descending: boolean): RunRow[] {
  if (!column) return [...rows];
  const sign = descending ? -1 : 1;
  return rows
    .map((row) => ({ row, value: column.value(row) }))
    .sort(({ value: a }, { value: b }) => {
      if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
      return sign * compareValues(a, b);
    })
    .map(({ row }) => row);
}

export type TableRow = { kind: 'group'; name: string; runs: number } | { kind: 'run'; data: RunRow };

/** The rows of the table: the runs, below the head of their group where a column groups them. */
export function tableRows(rows: readonly RunRow[], groupBy: Column | undefined): TableRow[] {
  const tableRow = (data: RunRow): TableRow => ({ kind: 'run', data });
  if (!groupBy) return rows.map(tableRow);
  const groups = new Map<string, RunRow[]>();
  for (const row of rows) {
    const name = groupBy.text(row);
    const group = groups.get(name);
    if (group) group.push(row);
    else groups.set(name, [row]);
  }
  const names = [...groups.keys()].sort((a, b) => (a === '–' ? 1 : b === '–' ? -1 : collator.compare(a, b)));
  return names.flatMap((name): TableRow[] => {
    const group = groups.get(name) ?? [];
    return [{ kind: 'group', name, runs: group.length }, ...group.map(tableRow)];
  });
}

/** Rows that are rendered above and below the viewport. */
const OVERSCAN = 6;

/** The rows of a scrolled list that are rendered: those in the viewport and some around them. */
export function renderedRange(
  scroll: { top: number; height: number },
  rowHeight: number,
  total: number,
): { from: number; to: number } {
  const from = Math.max(0, Math.min(total, Math.floor(scroll.top / rowHeight)) - OVERSCAN);
  return { from, to: Math.min(total, Math.ceil((scroll.top + scroll.height) / rowHeight) + OVERSCAN) };
}

/** The largest number of rows that `renderedRange` returns for a viewport: rows at this distance can share an element. */
export const maxRendered = (height: number, rowHeight: number): number =>
  Math.ceil(height / rowHeight) + 1 + 2 * OVERSCAN;
