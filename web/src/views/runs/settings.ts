// The settings of runs: which of them differ, how they are shown and sorted. Pure.
import type { RunSummary } from '../../api/types';

/** The keys of the settings in which the runs differ, sorted; a setting that some runs lack differs. */
export function differingSettings(runs: readonly Pick<RunSummary, 'settings'>[]): string[] {
  const seen = new Map<string, { value: string; runs: number; differs: boolean }>();
  for (const { settings } of runs) {
    for (const [key, value] of Object.entries(settings)) {
      const known = seen.get(key);
      if (!known) seen.set(key, { value, runs: 1, differs: false });
      else {
        known.runs += 1;
        known.differs ||= known.value !== value;
      }
    }
  }
  return [...seen]
    .filter(([, { runs: many, differs }]) => differs || many < runs.length)
    .map(([key]) => key)
    .sort();
}

/** The key without its section `train`, to which most settings belong. */
export const settingName = (key: string): string => key.replace(/^train\./, '');

interface Stage {
  rate: number;
  end_rate?: number;
  epochs: number;
}
const isStage = (one: unknown): one is Stage =>
  typeof one === 'object' && one !== null && 'rate' in one && 'epochs' in one;

/** A schedule as `0.1 × 8, 0.01 × 2` (rate × epochs), a falling rate as `0.1…0 × 10`; other settings unchanged. */
export function settingText(text: string): string {
  if (!text.startsWith('[')) return text;
  try {
    const stages: unknown = JSON.parse(text);
    if (!Array.isArray(stages) || !stages.every(isStage)) return text;
    return stages
      .map(({ rate, end_rate = rate, epochs }) =>
        end_rate === rate ? `${rate} × ${epochs}` : `${rate}…${end_rate} × ${epochs}`,
      )
      .join(', ');
  } catch {
    return text;
  }
}

/** The value that a setting is sorted by: a number where it is one. */
export function settingValue(text: string | undefined): string | number | null {
  if (text === undefined || text === '') return null;
  const number = Number(text);
  return Number.isFinite(number) ? number : settingText(text);
}
