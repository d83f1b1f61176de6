/** Facts and sampled checkpoints of a run in the report. Pure. */
import type { Checkpoint, Run } from '../../api/types';
import { formatCount, fixed, percent } from '../../base/format';
import { isEmptySplit } from '../common/split';
import { bestTested, testErrorText } from '../../state/divergence';
import { checkWords, sourceName } from '../../state/source';

/** Readable checkpoints spread over the run, the first and the last among them. */
export function sampleCheckpoints(
  points: readonly Pick<Checkpoint, 'index' | 'problem'>[],
  max: number,
): number[] {
  const readable = points.filter((one) => !one.problem).map((one) => one.index);
  if (readable.length <= max) return readable;
  // Closer together at first, when most is learned.
  const at = Array.from({ length: max }, (_, n) => Math.round((n / (max - 1)) ** 2 * (readable.length - 1)));
  return [...new Set(at)].map((n) => readable[n]);
}

/** How far a run came; without a plan where it was trained elsewhere. */
function trained(run: Pick<Run, 'batch' | 'total_epochs'>, epoch: number): string {
  if (run.batch === null) return `${fixed(epoch, 1)} epochs`;
  return `${fixed(epoch, 1)} of ${fixed(run.total_epochs, 0)} epochs, batches of ${formatCount(run.batch)}`;
}

/** Facts of a run, name and value. */
export function facts(
  run: Pick<
    Run,
    | 'recipe'
    | 'seed'
    | 'batch'
    | 'total_epochs'
    | 'checkpoints'
    | 'layers'
    | 'classes'
    | 'corpus'
    | 'stages'
    | 'live'
    | 'source'
    | 'check'
  >,
): [string, string][] {
  const last = run.checkpoints.at(-1);
  const best = bestTested(run.checkpoints);
  return [
    [
      'images',
      `${run.corpus.name}: ${formatCount(run.corpus.train)} training images, ${
        isEmptySplit(run.corpus, 'test')
          ? 'no test split'
          : `${formatCount(run.corpus.images - run.corpus.train)} test images`
      }`,
    ],
    ['recipe', run.recipe],
    ['classes', formatCount(run.classes.length)],
    ['parameters', formatCount(run.layers.reduce((sum, layer) => sum + layer.parameters, 0))],
    ['trained for', last ? trained(run, last.epoch) : '–'],
    ...(run.stages.length
      ? [['learning rate', run.stages.map((stage) => String(stage.rate)).join(', then ')] as [string, string]]
      : []),
    ...(run.source ? [['trained by', sourceName(run)] as [string, string]] : []),
    ...(run.source?.optimiser ? [['optimiser', run.source.optimiser] as [string, string]] : []),
    ...(run.check ? [['compared', checkWords(run)] as [string, string]] : []),
    ...(run.seed === null ? [] : [['seed', String(run.seed)] as [string, string]]),
    ['checkpoints', formatCount(run.checkpoints.length)],
    ['test error, newest', testErrorText(last, 2)],
    [
      'best test error',
      best ? `${percent(best.test_error ?? 0, 2)}, checkpoint ${best.index}` : 'not measured',
    ],
  ];
}

/** The test error as a path in a box; gaps are not bridged. */
export function errorCurvePath(
  points: readonly Pick<Checkpoint, 'step' | 'test_error' | 'problem' | 'not_finite'>[],
  box: { width: number; height: number },
): string {
  const end = Math.max(1, points.at(-1)?.step ?? 1);
  let pen = 'M';
  return points
    .map((one) => {
      if (one.problem || one.not_finite || one.test_error === null) {
        if (one.problem || one.not_finite) pen = 'M';
        return '';
      }
      // A point between gaps is a dot.
      const dot = pen === 'M' ? 'h0' : '';
      const at = `${pen}${fixed((one.step / end) * box.width, 1)},${fixed(one.test_error * box.height, 1)}${dot}`;
      pen = 'L';
      return at;
    })
    .join('');
}
