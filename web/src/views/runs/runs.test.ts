import { describe, expect, it } from 'vitest';
import { madeRun, NETWORKS } from './fixtures';
import { outlinePath, outlineWords } from './outline';
import {
  slotOf,
  curvedRuns,
  formatPick,
  inkOf,
  assignSlot,
  parsePick,
  pickWords,
  togglePick,
  MAX_CURVES,
  MAX_PICKED,
} from './pick';
import {
  columnsOf,
  renderedRange,
  filterRows,
  lastError,
  tableRows,
  maxRendered,
  sortRows,
  whenText,
  type RunRow,
} from './runTable';
import { differingSettings, settingText } from './settings';

const rowsOf = (many: number, more = {}): RunRow[] =>
  Array.from({ length: many }, (_, n) => {
    const run = madeRun(n, more);
    return { run, network: NETWORKS[run.network], facts: null };
  });
const named = (columns: ReturnType<typeof columnsOf>, key: string) => columns.find((c) => c.key === key);

describe('settings', () => {
  it('are columns where the runs differ, or where some lack them', () => {
    const runs: { settings: Record<string, string> }[] = [
      { settings: { batch: '128', seed: '1', decay: '0' } },
      { settings: { batch: '128', seed: '2' } },
    ];
    expect(differingSettings(runs)).toEqual(['decay', 'seed']);
    expect(differingSettings([runs[0]])).toEqual([]);
  });

  it('are sorted as numbers where they are numbers', () => {
    const rows = ['0.1', '1e-3', 'auto', '10'].map((value, n) => ({
      run: madeRun(n, { settings: { rate: value } }),
      network: null,
      facts: null,
    }));
    const column = named(columnsOf(rows.map((row) => row.run)), 'set:rate');
    const values = (descending: boolean) =>
      sortRows(rows, column, descending).map((row) => row.run.settings.rate);
    expect(values(false)).toEqual(['1e-3', '0.1', '10', 'auto']);
    expect(values(true)).toEqual(['auto', '10', '0.1', '1e-3']);
  });
});

it('writes schedules short', () => {
  const stages = [
    { curve: 'linear', rate: 0.1, end_rate: 0, epochs: 8 },
    { rate: 0.01, end_rate: 0.01, epochs: 2 },
  ];
  expect(settingText(JSON.stringify(stages))).toBe('0.1…0 × 8, 0.01 × 2');
  expect(settingText('[1, 2]')).toBe('[1, 2]');
  expect(settingText('[torn')).toBe('[torn');
  expect(named(columnsOf([madeRun(0), madeRun(1)]), 'set:train.rate')?.title).toBe('rate');
});

describe('order', () => {
  it('puts what has no value last either way', () => {
    const rows = rowsOf(3);
    rows[1].facts = { best: { step: 1, epoch: 1, error: 0.3 }, last: null, images_per_second: null };
    rows[2].facts = { best: { step: 1, epoch: 1, error: 0.1 }, last: null, images_per_second: null };
    const best = named(columnsOf([]), 'best');
    expect(sortRows(rows, best, false).map((row) => row.run.id)).toEqual(['run-2', 'run-1', 'run-0']);
    expect(sortRows(rows, best, true).map((row) => row.run.id)).toEqual(['run-1', 'run-2', 'run-0']);
  });

  it('a run that diverged has no last error', () => {
    const [row] = rowsOf(1, { divergence: { step: 1, epoch: 1, found: 'x', rate: null } });
    expect(lastError(row)).toBeNull();
  });
});

describe('filter and groups', () => {
  it('needs every word', () => {
    const rows = rowsOf(6);
    expect(filterRows(rows, 'quick seed=4').map((row) => row.run.id)).toEqual(['run-4']);
    expect(filterRows(rows, '  ')).toHaveLength(6);
    expect(filterRows(rows, 'nothing')).toEqual([]);
  });

  it('gather the rows under their value', () => {
    const rows = rowsOf(4);
    const lines = tableRows(rows, named(columnsOf([]), 'network'));
    expect(
      lines.map((line) => (line.kind === 'group' ? `${line.name} ${line.runs}` : line.data.run.id)),
    ).toEqual(['quick 2', 'run-0', 'run-2', 'wide 2', 'run-1', 'run-3']);
  });
});

it('picks A, then B, then curves', () => {
  let ids: string[] = [];
  for (const id of ['x', 'y', 'z']) ids = togglePick(ids, id);
  expect(ids.map((id) => slotOf(ids, id))).toEqual(['A', 'B', '3']);
  expect(togglePick(ids, 'x')).toEqual(['y', 'z']);
  expect(slotOf(ids, 'none')).toBe('');
  const odd = ['a,b', 'c%', 'ä'];
  expect(parsePick(formatPick(odd))).toEqual(odd);
  const full = Array.from({ length: MAX_PICKED }, (_, n) => `r${n}`);
  expect(togglePick(full, 'new')).toHaveLength(MAX_PICKED);
});

it('makes any run A or B', () => {
  const ids = ['x', 'y', 'z'];
  expect(assignSlot(ids, 'z', 'A')).toEqual(['z', 'y', 'x']);
  expect(assignSlot(ids, 'x', 'B')).toEqual(['y', 'x', 'z']);
  expect(assignSlot(ids, 'x', 'A')).toEqual(ids);
  expect(assignSlot(ids, 'new', 'B')).toEqual(['x', 'new', 'y', 'z']);
  expect(assignSlot([], 'new', 'B')).toEqual(['new']);
  expect(assignSlot(['x'], 'x', 'B')).toEqual(['x']);
  const full = Array.from({ length: MAX_PICKED }, (_, n) => `r${n}`);
  expect(assignSlot(full, 'new', 'A')).toEqual(['new', ...full.slice(0, -1)]);
});

it('says what a third run is picked for', () => {
  const ids = Array.from({ length: MAX_PICKED }, (_, n) => `r${n}`);
  expect(pickWords(ids.slice(0, 2))).toBe('');
  expect(pickWords(ids.slice(0, 3))).toBe('A and B are compared; the third is drawn in the curves');
  expect(pickWords(ids)).toBe('A and B are compared; 3 to 8 are drawn in the curves, 8 at most');
});

it('gives every drawn run a colour of its own', () => {
  const ids = Array.from({ length: MAX_PICKED }, (_, n) => `r${n}`);
  expect(new Set(ids.map((id) => inkOf(ids, id))).size).toBe(MAX_PICKED - 1);
  expect([inkOf(ids, 'r0'), inkOf(ids, 'r1'), inkOf(ids, 'none')]).toEqual(Array(3).fill('var(--text-1)'));
});

it('draws at most a hundred curves, what is picked among them', () => {
  const listed = Array.from({ length: 300 }, (_, n) => `r${n}`);
  const curved = curvedRuns(['r250', 'gone'], listed);
  expect(curved).toHaveLength(MAX_CURVES);
  expect(curved[0]).toBe('r250');
  expect(curved).not.toContain('gone');
});

it('draws a network as bars', () => {
  const path = outlinePath(NETWORKS[0].layers, 96, 16);
  expect(path.match(/M/g)).toHaveLength(3);
  expect(outlinePath([], 96, 16)).toBe('');
  const deep = Array.from({ length: 500 }, () => NETWORKS[0].layers[0]);
  expect(outlinePath(deep, 96, 16).match(/M/g)?.length).toBeLessThanOrEqual(40);
  expect(outlineWords(NETWORKS[0].layers)).toBe('2 conv, 1 fully connected');
});

it('writes times as people read them', () => {
  expect(whenText(null)).toBe('–');
  expect(whenText(Date.UTC(2026, 0, 2, 3, 4, 5) / 1000)).toMatch(/^2026-01-0[123] \d\d:\d\d$/);
});

describe('a thousand runs', () => {
  it('draw few lines', () => {
    const { from, to } = renderedRange({ top: 14_000, height: 560 }, 28, 1000);
    expect(from).toBeLessThanOrEqual(500);
    expect(to).toBeGreaterThanOrEqual(520);
    expect(to - from).toBeLessThan(50);
    expect(renderedRange({ top: 0, height: 560 }, 28, 3)).toEqual({ from: 0, to: 3 });
    expect(renderedRange({ top: 9999, height: 560 }, 28, 3).from).toBe(0);
    for (let top = 0; top < 300; top += 7) {
      const range = renderedRange({ top: 5000 + top, height: 555 }, 28, 1000);
      expect(range.to - range.from).toBeLessThanOrEqual(maxRendered(555, 28));
    }
  });

  it('are filtered, sorted and grouped within a frame', () => {
    const rows = rowsOf(1000);
    const columns = columnsOf(rows.map((row) => row.run));
    const work = () =>
      tableRows(sortRows(filterRows(rows, 'run 9'), named(columns, 'set:seed'), true), columns[1]);
    work();
    const begin = performance.now();
    const ROUNDS = 20;
    for (let n = 0; n < ROUNDS; n += 1) work();
    const each_ms = (performance.now() - begin) / ROUNDS;
    expect(each_ms).toBeLessThan(16);
  });
});
