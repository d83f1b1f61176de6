/** Names of the wire types that the dashboard uses. */
import type { Answer, Params, Schemas } from './contract';

export type Split = Schemas['Split'];
export type StatisticsState = Schemas['StatisticsState'];
export type Normalise = Schemas['Over'];
export type Palette =
  'auto' | 'grey' | 'rgb' | 'diverging' | 'diverging-light' | 'sequential' | 'sequential-light';

export type RunList = Answer<'/api/runs'>;
export type RunSummary = RunList['runs'][number];
/** A network as far as its picture in a table shows it; equal networks of several runs share one. */
export type NetworkOutline = RunList['networks'][number];
export type OutlineLayer = NetworkOutline['layers'][number];
/** A folder that looks like a run and cannot be opened. */
export type RunProblem = RunList['problems'][number];
export type Run = Answer<'/api/runs/{run}'>;
/** Losses in nats, errors as fractions; `problem` says why a snapshot cannot be read. */
export type Checkpoint = Run['checkpoints'][number];
export type Layer = Run['layers'][number];
export type Shape = Layer['shape'];
export type Metrics = Answer<'/api/runs/{run}/metrics'>;
export type LayerHistory = Answer<'/api/runs/{run}/layers/{layer}/history'>;
export type WeightHistory = Answer<'/api/runs/{run}/weights'>;
/** Activity of a layer's filters at every checkpoint; the input has none. */
export type ActivityHistory = Answer<'/api/runs/{run}/layers/{layer}/activity'>;
export type LayerActivity = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/activity'>;
/** The images that excite a filter most, with its activity over all of them. */
export type TopImages = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/filters/{filter}/top'>;
/** The filters that feed a filter and those that it feeds, by the weights between them. */
export type Connections =
  Answer<'/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/filters/{filter}/connections'>;
/** How well the layers and units tell two classes apart; areas lie under the curve, 0.5 is chance. */
export type Separation = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/separation'>;
export type Health = Schemas['Health'];
/** Sentences that rules find in the statistics of a run, each with its evidence, picture and link. */
export type Story = Answer<'/api/runs/{run}/story'>;
export type FoundSentence = Story['sentences'][number];
export type StoryLink = FoundSentence['link'];
export type StoryPicture = FoundSentence['picture'];
export type StoryCurves = Schemas['StoryCurves'];
/** Sentences of users, stored beside the run. */
export type OwnSentences = Answer<'/api/runs/{run}/story/own'>;
export type OwnSentence = OwnSentences['sentences'][number];

/** Loss, error and speed of several runs, thinned for one picture. Losses in nats, errors as fractions. */
export type RunCurves = Answer<'/api/curves'>['curves'][number];
export type CurvePoints = RunCurves['test'];
/**
 * The checkpoints of two runs, aligned by a clock (epoch, step, training time, ...): their positions on it, and the
 * checkpoint of B that is aligned with each of A's.
 */
export type ClockAnswer = Answer<'/api/runs/{run}/clock'>;
export type ClockName = ClockAnswer['by'];
/** The confusion of two checkpoints over the same images, with McNemar's tests. Rows are true classes. */
export type ComparedErrors = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/compare/errors'>;
export type ComparedImage = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/compare/images'>['items'][number];
/** Which of two checkpoints is right on an image. */
export type Agreement = NonNullable<Params<'/api/runs/{run}/checkpoints/{checkpoint}/compare/images'>['which']>;
/** Similarity of every layer of A to every layer of B; null where a layer is constant. */
export type LayerSimilarity = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/compare/layers'>;
export type SimilarLayer = LayerSimilarity['layers']['a'][number];
/** The units of two layers matched by the correlation of their activations. */
export type MatchedUnits = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/compare/units'>;
export type UnitPair = MatchedUnits['pairs'][number];
/** Correlation of each unit of a layer with itself at the last checkpoint: `to_last`, at each of `checkpoints`; null where it is constant. */
export type Lifelines = Answer<'/api/runs/{run}/layers/{layer}/lifelines'>;
export type Lifeline = Lifelines['units'][number];

/** Counts of the files that a corpus left out when it was opened. */
export type CorpusAccount = Schemas['AccountDetail'];
export type LeftOut = Schemas['LeftOutDetail'];
export type ImagePage = Answer<'/api/corpora/{corpus}/images'>;
export type ImageItem = ImagePage['items'][number];
/** `recorded_class` is the true class where the corpus knows the label to be wrong. */
export type ImageDetail = Answer<'/api/corpora/{corpus}/images/{image}'>;

export type Prediction = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/predict/{image}'>;
/** Probabilities of an image at every checkpoint that has statistics. */
export type ImageHistory = Answer<'/api/runs/{run}/images/{image}/history'>;
export type ImageExampleStats = Answer<'/api/runs/{run}/images/{image}/ledger'>;
export type NearImages = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/images/{image}/near'>;
/** The units of each layer that an image excites most. */
export type ImageUnits = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/images/{image}/units'>;
export type UnitScore = ImageUnits['layers'][number]['units'][number];
/** Statistics of an image over the checkpoints; `learned` is null where it was never right. */
export type ExampleStats = ExampleStatsPage['items'][number];
export type ExampleStatsPage = Answer<'/api/runs/{run}/ledger'>;
export type ExampleStatsSort = 'image' | 'learned' | 'forgotten' | 'flips' | 'final_margin' | 'mean_margin';
export type LabelIssues = Answer<'/api/runs/{run}/suspects'>;
export type LabelIssue = LabelIssues['items'][number];

/** Verdicts on labels, stored beside the run. */
export type Review = Answer<'/api/runs/{run}/review'>;
export type Verdict = Schemas['Verdict'];

/** Test images that are in the training split too, or nearly. */
export type Duplicates = Answer<'/api/runs/{run}/duplicates'>;
export type DuplicatePair = Duplicates['items'][number];

/** What units that are switched off do to the confusion, over the same images. */
export type AblatedConfusion = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/ablated'>;
/** What each class loses without each filter of a layer. */
export type LayerAblation = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/layers/{layer}/ablation'>;
/** The map of an image at a checkpoint: which parts of it speak for a class. */
export type Explanation = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/explain/{image}'>;
/** Maps of an image at several checkpoints: which parts of it speak for a class. */
export type ExplanationFilm = Answer<'/api/runs/{run}/images/{image}/explain'>;
export type ExplanationMap = ExplanationFilm['maps'][number];
/** The parameter randomisation test of the methods. */
export type MethodChecks = Answer<'/api/runs/{run}/explain/checks'>;
export type MethodCheck = MethodChecks['methods'][number];
/** Checkpoint, layer and value of a picture that was made (a feature visualisation or an inversion). */
export type PictureInfo = Schemas['PictureInfo'];

export type Confusion = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/confusion'>;
export type CellPage =
  Answer<'/api/runs/{run}/checkpoints/{checkpoint}/confusion/{true_class}/{predicted}/images'>;
/** Images that went from one cell of the confusion matrix to another between two checkpoints; `images` are the first. */
export type PredictionChange = PredictionChanges['moves'][number];
export type PredictionChanges = Answer<'/api/runs/{run}/moves'>;
/** What sets each cluster apart, with effect sizes. */
export type ClusterCaptions = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/clusters/captions'>;
export type ClusterCaption = ClusterCaptions['clusters'][number]['captions'][number];
export type ClusterMembers = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/clusters/{cluster}/images'>;
/** The clusters of another set that the images of a cluster are in. */
export type ClusterOverlap = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/clusters/{cluster}/overlap'>;
/** Errors of the images that a condition holds for, and of the others. */
export type Slice = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/slice'>;
export type ClusterSet = Answer<'/api/runs/{run}/checkpoints/{checkpoint}/clusters'>;

/** What the weights of a layer are shown as filters over: its own input, or the image's pixels. */
export type WeightSpace = Schemas['WeightSpace'];
/** The units that a filter is computed from, and those computed from it, with their weights at every checkpoint. */
export type ConnectionHistory = Answer<'/api/runs/{run}/layers/{layer}/filters/{filter}/connections'>;

/** The geometry that comes with a picture of a layer, in the header `x-deepviz-sheet`. */
export type SheetGeometry = Pick<
  Schemas['Sheet'],
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
  | 'ends'
> & {
  /** The scale of each filter, where each has its own. */
  limits?: number[];
  /** Strips only: the checkpoints stacked from top to bottom, and the range of each. */
  checkpoints?: number[];
  ranges?: [number, number][];
  /** Strips only: the ends of the palette at each checkpoint. */
  checkpoint_ends?: [number, number][];
};
