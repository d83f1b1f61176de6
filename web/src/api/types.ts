/**
 * The wire types the dashboard reads: those generated from the server's OpenAPI description (`npm run types`), with the
 * words that are really enumerations spelled out, and optional fields made plain (the server always writes them, as null).
 */
import type { components } from './openapi.gen';

type Wire = components['schemas'];

type Whole<T> = T extends (infer U)[]
  ? Whole<U>[]
  : T extends object
    ? { [K in keyof T]-?: Whole<Exclude<T[K], undefined>> }
    : T;

export type Split = 'train' | 'test';
export type Normalise = Wire['Over'];
export type Palette =
  'auto' | 'grey' | 'rgb' | 'diverging' | 'diverging-light' | 'sequential' | 'sequential-light';
export type Shape = Wire['Size'];
export type RunSummary = Whole<Wire['RunSummary']>;
export type RunList = Whole<Wire['RunList']>;
/** A folder that looks like a run and cannot be opened. */
export type RunProblem = RunList['problems'][number];
export type StatisticsState = 'ready' | 'missing' | 'failed' | 'stale';

/** Losses in nats, errors as fractions; `problem` says why a snapshot cannot be read. */
export type Checkpoint = Omit<Whole<Wire['Checkpoint']>, 'statistics'> & {
  statistics: Partial<Record<Split, StatisticsState>>;
};

export type Layer = Omit<Whole<Wire['LayerDetail']>, 'sheet_shape'> & {
  /** Filters, channels, rows and columns of the weights as a sheet shows them. */
  sheet_shape: [number, number, number, number] | null;
};

export type Run = Omit<Whole<Wire['RunDetail']>, 'checkpoints' | 'layers'> & {
  checkpoints: Checkpoint[];
  layers: Layer[];
};

export type Graph = Omit<Wire['Graph'], 'nodes'> & {
  nodes: (Omit<Wire['Node'], 'description'> & { description?: string })[];
};

/** The geometry that comes with a picture of a layer, in the header `x-deepviz-sheet`. */
export type SheetGeometry = Pick<
  Wire['Sheet'],
  | 'checkpoint'
  | 'layer'
  | 'tile_width'
  | 'tile_height'
  | 'columns'
  | 'rows'
  | 'gap'
  | 'filters'
  | 'channels'
  | 'rgb'
  | 'minimum'
  | 'maximum'
  | 'limit'
> & {
  /** The scale of each filter, where each has its own. */
  limits?: number[];
  /** Strips only: the checkpoints stacked from top to bottom, and the range of each. */
  checkpoints?: number[];
  ranges?: [number, number][];
};

/** The images that a filter answers to most. */
export type FilterTop = Whole<Wire['TopAnswer']>;
export type LayerHistory = Whole<Wire['LayerHistory']>;
export type Prediction = Whole<Wire['Prediction']>;
export type ImageHistory = Whole<Wire['ImageHistory']>;

type Placed<T extends { split: string }> = Omit<T, 'split'> & { split: Split };

export type ImageItem = Placed<Wire['ImageItem']>;
/** `recorded_class` is what the image really shows where the corpus knows its label to be wrong. */
export type ImageDetail = Placed<
  Whole<Wire['ImageItem']> & { class_name: string; recorded_class: number | null }
>;
/** What a corpus left out when it was opened. */
export type CorpusAccount = Wire['AccountDetail'];
export type LeftOut = Wire['LeftOutDetail'];
export type CorpusList = Wire['CorpusList'];
export type ImagePage = Omit<Whole<Wire['ImagePage']>, 'items'> & { items: ImageItem[] };
export type NearImages = Placed<Wire['NearbyImages']>;
export type Metrics = Wire['Metrics'];
export type Confusion = Placed<Wire['ConfusionAnswer']>;
/** Every ready checkpoint's counts at once, each flattened row by row. */
export type ConfusionHistory = Placed<Wire['ConfusionHistory']>;
export type CellPage = Whole<Wire['CellAnswer']>;
export type ClusterSet = Omit<Placed<Wire['Clusters']>, 'clusters' | 'previous'> & {
  previous: number | null;
  clusters: (Omit<Wire['Cluster'], 'nearest'> & {
    nearest: { id: number; distance: number; true_class: number }[];
  })[];
};
export type ClusterHistory = Placed<Wire['ClusterHistory']>;
/** What the filters of a layer do, at one checkpoint and at every one; the input has none. */
export type Health = Wire['Health'];
export type LayerActivity = Placed<Whole<Wire['LayerActivity']>>;
export type ActivityHistory = Placed<Wire['ActivityHistory']>;
export type WeightHistory = Wire['WeightHistory'];
/** What became of an image over the checkpoints; `learned` is null where it was never right. */
export type ExampleStats = Omit<Wire['LedgerItem'], 'learned'> & { learned: number | null };
export type ExampleStatsPage = Omit<Placed<Wire['LedgerPage']>, 'items' | 'next_cursor'> & {
  items: ExampleStats[];
  next_cursor: string | null;
};
export type ImageExampleStats = { checkpoints: number[]; example: ExampleStats | null };
export type ExampleStatsSort = 'image' | 'learned' | 'forgotten' | 'flips' | 'final_margin' | 'mean_margin';
export type LabelIssue = Wire['SuspectItem'];
export type LabelIssues = Omit<Placed<Wire['Suspects']>, 'next_cursor'> & { next_cursor: string | null };
/** Images that went from one cell to another between two checkpoints; `images` are the first of them. */
export type PredictionChange = Wire['CellMove'];
export type PredictionChanges = Placed<Wire['Moves']>;
