/** The wire types the dashboard reads. Names and cases are those of the REST interface (`/api/openapi.json`). */

export type Split = 'train' | 'test';
export type Normalise = 'sheet' | 'filter' | 'timeline';
export type Palette =
  'auto' | 'grey' | 'rgb' | 'diverging' | 'diverging-light' | 'sequential' | 'sequential-light';

export interface Shape {
  channels: number;
  height: number;
  width: number;
}

export interface RunSummary {
  id: string;
  name: string;
  live: boolean;
  checkpoints: number;
  classes: number | string[];
  image_shape: Shape;
  last_step: number | null;
  test_error: number | null;
}

export type StatisticsState = 'ready' | 'missing' | 'failed' | 'stale' | 'running';

export interface Checkpoint {
  index: number;
  step: number;
  epoch: number;
  images_seen: number;
  hash: string;
  /** Why this snapshot cannot be read; null when it can. */
  problem: string | null;
  /** Losses in nats, errors as fractions. */
  train_loss: number | null;
  train_error: number | null;
  test_loss: number | null;
  test_error: number | null;
  statistics: Partial<Record<Split, StatisticsState>>;
}

export interface Layer {
  name: string;
  type: string;
  shape: Shape;
  parameters: number;
  /** Of the weight as it is stored; null where there is none. */
  weight_shape: number[] | null;
  /** Filters, channels, rows and columns of the weights as a sheet shows them. */
  sheet_shape: [number, number, number, number] | null;
  filters: number;
  channels: number;
  inputs: string[];
}

export interface Run {
  id: string;
  name: string;
  recipe: unknown;
  seed: number;
  live: boolean;
  version: string;
  device: string | null;
  corpus: {
    id: string;
    name: string;
    identity: string;
    images: number;
    train: number;
    test: number;
    image_shape: Shape;
    available: boolean;
    problem: string | null;
  };
  classes: string[];
  batch: number;
  steps_per_epoch: number;
  total_steps: number;
  total_epochs: number;
  planned_checkpoints: number;
  stages: { first_step: number; rate: number }[];
  checkpoints: Checkpoint[];
  layers: Layer[];
  cluster_sets: { layer: string; metric: string }[];
  logits_layer: string;
  features_layer: string;
}

export interface Graph {
  nodes: { name: string; type: string; shape: Shape; parameters: number; description?: string }[];
  edges: { from: string; to: string }[];
  parameters: number;
}

/** The geometry that comes with a picture of a layer, in the header `x-deepviz-sheet`. */
export interface SheetGeometry {
  checkpoint: number;
  layer: string;
  tile_width: number;
  tile_height: number;
  columns: number;
  rows: number;
  gap: number;
  filters: number[];
  channels: number[];
  rgb: boolean;
  /** The true range of the values, and the symmetric limit at which the shades saturate. */
  minimum: number;
  maximum: number;
  limit: number;
  /** Strips only: the checkpoints stacked from top to bottom, and the range of each. */
  checkpoints?: number[];
  ranges?: [number, number][];
  limits?: number[];
}

export interface LayerHistory {
  layer: string;
  checkpoints: number[];
  norm: (number | null)[];
  moved: (number | null)[];
  percentiles: Record<'p1' | 'p25' | 'p50' | 'p75' | 'p99', (number | null)[]>;
  filters: { norm: number[][]; bias: number[][] };
}

export interface Prediction {
  image: number;
  checkpoint: number;
  logits: number[];
  probabilities: number[];
  predicted: number;
  true_class: number | null;
}

export interface ImageHistory {
  image: number;
  true_class: number;
  checkpoints: number[];
  probabilities: number[][];
}

export interface ImageItem {
  id: number;
  name: string;
  class: number;
  split: Split;
}

export interface ImageDetail extends ImageItem {
  class_name: string;
  /** The class the image really shows where the corpus knows its label to be wrong. */
  recorded_class: number | null;
}

export interface ImagePage {
  total: number;
  items: ImageItem[];
  next_cursor: string | null;
}

export interface Metrics {
  train: {
    step: number[];
    epoch: number[];
    loss: number[];
    error: number[];
    rate: number[];
    images_per_s: number[];
  };
  test: { step: number[]; epoch: number[]; loss: number[]; error: number[] };
}

export interface Confusion {
  checkpoint: number;
  split: Split;
  images: number;
  counts: number[][];
}

/** Every ready checkpoint's counts at once, each flattened row by row. */
export interface ConfusionHistory {
  split: Split;
  images: number;
  checkpoints: number[];
  counts: number[][];
}

export interface CellPage {
  total: number;
  items: { id: number; probability: number; true_class: number; predicted: number }[];
  next_cursor: string | null;
}

export interface ClusterSet {
  checkpoint: number;
  split: Split;
  layer: string;
  metric: string;
  images: number;
  inertia: number;
  clusters: {
    index: number;
    size: number;
    /** Images per class. */
    mix: number[];
    nearest: { id: number; distance: number; true_class: number }[];
  }[];
}

export interface ClusterHistory {
  checkpoints: number[];
  sizes: number[][];
  purity: number[][];
}
