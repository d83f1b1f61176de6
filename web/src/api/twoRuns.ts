/**
 * Answers that are about more than one run. The types and `untyped` stand in for the server's description of these
 * addresses and give way to `endpoint` when it has them.
 */
import { untyped, type Endpoint } from './client';
import type { RunProblem, RunSummary, Split } from './types';

export type RunState = 'running' | 'finished' | 'stopped' | 'diverged';

export interface OutlineLayer {
  type: string;
  shape: { channels: number; height: number; width: number };
  weights: boolean;
}

/** A network as far as its picture in a table shows it; equal networks of several runs share one. */
export interface NetworkOutline {
  name: string;
  parameters: number;
  layers: OutlineLayer[];
}

export interface ListedRun extends RunSummary {
  state: RunState;
  /** Index into the answer's networks. */
  network: number;
  corpus: { name: string; identity: string; train: number; test: number };
  source: string | null;
  /** Seconds since 1970. */
  modified: number | null;
  /** One value a key: `train.batch`, `seed`. */
  settings: Record<string, string>;
}

export interface RunListing {
  runs: ListedRun[];
  problems: RunProblem[];
  networks: NetworkOutline[];
}

/** Losses in nats, errors as fractions; null where not finite. */
export interface CurvePoints {
  steps: number[];
  epochs: number[];
  loss: (number | null)[];
  error: (number | null)[];
}

export interface Milestone {
  step: number;
  epoch: number;
  error: number;
}

export interface RunCurves {
  run: string;
  train: CurvePoints;
  test: CurvePoints;
  best: Milestone | null;
  last: Milestone | null;
  images_per_second: number | null;
}

export interface CurvesAnswer {
  curves: RunCurves[];
  problems: RunProblem[];
}

export const CLOCKS = ['step', 'epoch', 'images', 'fraction', 'time', 'error'] as const;
export type ClockName = (typeof CLOCKS)[number];

/** Positions of the checkpoints of two runs on one clock, and the checkpoint of B under each of A's. */
export interface ClockAnswer {
  by: ClockName;
  unit: string;
  a: (number | null)[];
  b: (number | null)[];
  pairs: (number | null)[];
  missing: string | null;
}

export interface ComparedCell {
  true_class: number;
  predicted: number;
  only_a: number;
  only_b: number;
  p: number;
  significant: boolean;
}

/** The confusion of two runs over the same images, with McNemar's tests. Rows are true classes. */
export interface ComparedErrors {
  checkpoint: number;
  b: { run: string; checkpoint: number };
  split: Split;
  images: number;
  classes: string[];
  both: number;
  only_a: number;
  only_b: number;
  neither: number;
  p: number;
  error: [number, number];
  difference_interval: [number, number];
  counts: { a: number[][]; b: number[][] };
  /** The cells in which the two differ. */
  cells: ComparedCell[];
}

export type Agreement = 'only_a' | 'only_b' | 'both' | 'neither' | 'changed' | 'all';

export interface ComparedImage {
  id: number;
  true_class: number;
  a: { predicted: number; margin: number };
  b: { predicted: number; margin: number };
}

export interface ComparedImages {
  total: number;
  items: ComparedImage[];
  next_cursor: string | null;
}

export interface SimilarLayer {
  layer: string;
  /** Behind the layer's nonlinearity, if it has one. */
  measured_at: string;
  grid: [number, number];
  features: number;
}

/** Similarity of every layer of A to every layer of B; null where a layer is constant. */
export interface LayerSimilarity {
  images: number;
  layers: { a: SimilarLayer[]; b: SimilarLayer[]; left_out: [number, number] };
  cka: (number | null)[][];
  cka_interval: ([number, number] | null)[][];
  procrustes: (number | null)[][];
  /** For every layer of A the index of B's. */
  proposed: (number | null)[];
}

export interface UnitPair {
  a: number;
  b: number;
  correlation: number;
  mutual: boolean;
}

export interface UnmatchedUnit {
  unit: number;
  nearest: number | null;
  correlation: number;
}

/** The units of two layers matched by the correlation of their activations. */
export interface MatchedUnits {
  layer: string;
  b_layer: string;
  measured_at: [string, string];
  images: number;
  grid: [number, number];
  chance: number;
  units: [number, number];
  /** Units of A and of B that do the same everywhere. */
  silent: [number[], number[]];
  pairs: UnitPair[];
  unmatched: { a: UnmatchedUnit[]; b: UnmatchedUnit[] };
}

/** A checkpoint of A beside one of B. */
export interface TwoCheckpoints {
  run: string;
  checkpoint: number;
  b: string;
  b_checkpoint: number;
}

const COMPARED = '/api/runs/{run}/checkpoints/{checkpoint}/compare';

export const runListing = (): Endpoint<RunListing> => untyped('/api/runs', {});

/** At most 100 runs a request. */
export const runCurves = (runs: readonly string[], points: number): Endpoint<CurvesAnswer> =>
  untyped('/api/curves', { runs: runs.join(','), points });

export const clockOf = (run: string, b: string, by: ClockName): Endpoint<ClockAnswer> =>
  untyped('/api/runs/{run}/clock', { run, b, by });

export const comparedErrors = (at: TwoCheckpoints & { split: Split }): Endpoint<ComparedErrors> =>
  untyped(`${COMPARED}/errors`, { ...at });

interface ComparedImagesParams extends TwoCheckpoints {
  split: Split;
  which: Agreement;
  true_class?: number;
  a_predicted?: number;
  b_predicted?: number;
  limit?: number;
  cursor?: string;
}

export const comparedImages = (at: ComparedImagesParams): Endpoint<ComparedImages> =>
  untyped(`${COMPARED}/images`, { ...at });

export const comparedLayers = (at: TwoCheckpoints & { images?: number }): Endpoint<LayerSimilarity> =>
  untyped(`${COMPARED}/layers`, { ...at });

export const comparedUnits = (
  at: TwoCheckpoints & { layer: string; b_layer: string },
): Endpoint<MatchedUnits> => untyped(`${COMPARED}/units`, { ...at });
