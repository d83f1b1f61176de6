/** Where a run's network was trained, and whether it computes the same here. Pure. */
import type { Run } from '../api/types';
import { percent, plural, scientific } from '../base/format';

type Trained = Pick<Run, 'source' | 'check'>;

const PROGRAMS: Record<string, string> = {
  pytorch: 'PyTorch',
  onnx: 'ONNX',
  'cuda-convnet': 'cuda-convnet',
  keras: 'Keras',
};

/** "PyTorch 2.15.0, ResNet"; empty where deepViz trained it. */
export function sourceName({ source }: Pick<Run, 'source'>): string {
  if (!source) return '';
  return `${PROGRAMS[source.kind] ?? source.kind} ${source.version}, ${source.model}`;
}

/** What became of the comparison of outputs; empty where there is nothing to compare with. */
export function checkWords({ check, source }: Trained): string {
  if (!check) return '';
  const other = source ? (PROGRAMS[source.kind] ?? source.kind) : 'the other program';
  if (check.agrees === null) return `outputs not compared with ${other}'s: ${check.problem ?? 'no reason'}`;
  if (check.difference === null) return `outputs are not finite where ${other}'s are`;
  if (check.agrees) return `outputs as ${other}'s, within ${scientific(check.difference)} of the largest`;
  return `outputs differ from ${other}'s by ${percent(check.difference, 1)} of the largest`;
}

/** What to say at the top of every view; empty where the outputs are the same or unknown. */
export function differenceWords(run: Trained): string {
  if (run.check?.agrees !== false) return '';
  return (
    `This network computes something else here than where it was trained: ${checkWords(run)} ` +
    `(${plural(run.check.images, 'image')}, step ${run.check.step}). Nothing below is a result of the recorded network. Were the ` +
    `images, their mean or their deviation changed since it was recorded?`
  );
}
