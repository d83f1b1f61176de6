/** Input and results of the rules about two runs. Pure. */
import type { Checkpoint, ComparedErrors, MatchedUnits, Run, RunSummary } from '../../../api/types';
import { emptyUrlState, hashFromUrlState } from '../../../state/urlState';
import type { ComparedLayers } from '../../common/runs/layers';
import type { TwoPicture } from './picture';

/** One of the two runs as it ended. */
export interface End {
  run: Pick<Run, 'id' | 'name' | 'layers' | 'checkpoints' | 'live'>;
  /** Its last checkpoint that can be used, or the one that was pinned. */
  point: Pick<Checkpoint, 'index' | 'epoch' | 'step' | 'images_seen' | 'test_error'>;
  settings: RunSummary['settings'] | null;
  /** Runs with the same number have the same structure; null where it is not known. */
  network: number | null;
  corpus: { name: string; identity: string };
  parameters: number;
  /** During training; null where it is not recorded. */
  imagesPerSecond: number | null;
  seconds: number | null;
}

export interface TwoFacts {
  a: End;
  b: End;
  /** Null while they are read, and where they cannot be compared. */
  errors: ComparedErrors | null;
  layers: ComparedLayers | null;
  /** One entry per compared layer; null until all are read. */
  units: MatchedUnits[] | null;
}

/** A sentence about two runs, as the list and the slides show it. */
export interface TwoSentence {
  key: string;
  text: string;
  detail: string;
  /** The checkpoint of A that it is about. */
  checkpoint: number;
  href: string;
  view: string;
  chart: TwoPicture | null;
  userIndex: null;
}

/** A rule that found nothing to say, and why. */
export interface SilentRule {
  id: string;
  reason: string;
}

export interface Link {
  view: string;
  layer?: string;
  options?: Record<string, string>;
}

/** The address of a view with both runs as they ended. */
export function hashOf({ a, b }: Pick<TwoFacts, 'a' | 'b'>, { view, layer, options = {} }: Link): string {
  return hashFromUrlState({
    ...emptyUrlState(),
    run: a.run.id,
    view,
    checkpoint: a.point.index,
    layer: layer ?? null,
    options: { 'b.run': b.run.id, 'b.checkpoint': String(b.point.index), ...options },
  });
}

export function sentence(
  facts: TwoFacts,
  key: string,
  { text, detail, chart = null, link }: { text: string; detail: string; chart?: TwoPicture | null; link: Link },
): TwoSentence {
  const href = hashOf(facts, link);
  return { key, text, detail, checkpoint: facts.a.point.index, href, view: link.view, chart, userIndex: null };
}

/** Significance level: differences with a larger p-value count as noise. */
export const ALPHA = 0.05;
/** The run with the smaller error, if the difference is significant; else null. */
export function better(errors: ComparedErrors | null): 'a' | 'b' | null {
  if (!errors || errors.p >= ALPHA || errors.only_a === errors.only_b) return null;
  return errors.only_a > errors.only_b ? 'a' : 'b';
}
export const NAME = { a: 'A', b: 'B' } as const;
export const OTHER = { a: 'b', b: 'a' } as const;
