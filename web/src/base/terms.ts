/** Definitions of the dashboard's terms, one line each. `data-term` on an element shows its line; the help lists all. */

export const TERMS = {
  checkpoint: 'The network as it was at one moment of training, kept as a snapshot; 0 is untrained',
  current: 'The checkpoint under the playhead, which every view shows',
  reference:
    'A second checkpoint, pinned, that everything is compared with; with two runs that of B. Always hollow or dashed',
  epoch: 'One pass over all training images',
  'test error': 'Share of the test images whose most probable class is wrong',
  'train loss':
    'Mean of −log p(true class) over the training images of the last steps, in nats; in the timeline drawn to a scale of its own, from 0 up',
  filter: 'One set of weights that a layer slides over its input; each gives one activation map',
  channel: 'One of the input maps (or colours) that a filter looks at',
  activation: 'A filter’s output for the image, position by position',
  attention:
    'Attention weights: how much each token (query) takes from each other one (key) in a head; those of a query add up to 1',
  'normalise over':
    'Which values share one scale: each filter its own, the layer at a checkpoint, or the layer over the whole run',
  amplified:
    'With a colour range for each checkpoint, weak weights are drawn as strongly as strong ones: this many times more than by the range of the whole run. The bar beside the filters is the share of that range',
  norm: 'Size of a filter’s weights: the root of the sum of their squares',
  'weight RMS': 'Root mean square of a layer’s weights',
  bias: 'The constant that a filter adds to its output',
  change: 'Change of a layer’s weights since the previous snapshot, as a share of their size',
  'active fraction': 'Share of positions at which a filter’s activation is above zero, over the images',
  dead: 'A filter whose activation was zero for every image',
  'at risk': 'A filter that is active for fewer than one image in a hundred',
  revived: 'A filter that was dead at the previous checkpoint and is active again',
  'similarity to final':
    'Pearson’s correlation of a unit’s activations, over test images and positions, with those of the same unit at the last checkpoint; 0 and below has the colour of the background',
  born: 'The checkpoint from which on a unit stays like its final self: a correlation of 0.5 or more, so that each accounts for a quarter of the other’s variance',
  'took over':
    'One checkpoint before it was born, another unit was what this one became (a correlation of 0.5 or more): its origin. Several units of one origin are a split',
  saturated: 'A filter that is above zero at 99 of 100 positions and more: its ReLU cuts nothing off',
  update: 'What the last step alone added to the weights, as a share of their size',
  'mean activation by class':
    'A filter’s activation averaged over the images of each class; the bars begin at the mean of all images and are measured in standard deviations between images',
  'class deviation':
    'The mean activation of a class’s images less that of all, in standard deviations between images',
  'separation by layer':
    'How well each layer tells the two classes apart: the area under the ROC curve of a linear probe on all its units (thick), of its best unit (thin), and of the median one (tick)',
  'separating units':
    'The units whose mean activation alone tells the two classes apart best; a tick is the mean of a class',
  'listens to':
    'The units whose outputs this one adds up: the norm of the weights between the two, with the sign of its sum',
  'speaks to': 'The units that add up the outputs of this one, by the same measure',
  margin: 'The probability of the true class less the greatest other one; below zero is wrong',
  'first correct': 'The first checkpoint at which the prediction was correct',
  'correct since': 'The checkpoint from which on the prediction stayed correct to the end of the run',
  'above its mean':
    'The mean output of a unit for this image less that for all test images, in standard deviations between these',
  'top images': 'The test images with the highest activation of a filter at this checkpoint',
  'would like to see':
    'A picture that is made, no image: gradient ascent on the mean of the filter’s outputs, held to the frequencies, colours and contrast of the corpus; the number is that mean. It is an extreme: the top images say what excites the filter in fact',
  'remaining distance':
    'The squared distance of the layer’s outputs for the picture from those for the image, as a share of their square: how far the search came',
  'order fixed at': 'The checkpoint whose clusters gave the order on the page',
  forgotten:
    'Forgetting events: how often a correct prediction was followed by a wrong one at the next checkpoint',
  'label error':
    'A possible one: an image whose label is not the predicted class, at the last checkpoint and on average over the later half',
  'label error score':
    'The margin against the label over the later checkpoints, times 1 − √(share of the label’s images that are predicted as that class)',
  'measured precision':
    'Wrong labels among those of the list that were judged wrong or right; the bar is Wilson’s interval of 95 %. It holds for what was looked at: further down the list it is lower',
  'typical images':
    'Images with this label that the network predicts as it at the last checkpoint, nearest to the image in logit space',
  'near-duplicate':
    'A test image whose pixels correlate with those of a training image by 0.9 or more, moved by up to two of 32 pixels and mirrored: its error says little of new images. Scenes with little in them (a sky) are similar, too',
  moves: 'Images that are predicted differently at two checkpoints',
  lineage: 'Where the images of a cluster were at the previous checkpoint',
  'nearest in logit space':
    'Images for which the network puts out almost the same before the softmax, by Euclidean distance between the logits',
  'prediction changed': 'How often the predicted class changed from one checkpoint to the next',
  recall: 'Of the images of a class, the share that was recognised',
  precision: 'Of the images predicted as a class, the share that is one',
  'colour by': 'What a cell’s colour tells: its count, its share of the true class or of the prediction',
  'mixed up':
    'Images of either of two classes that are predicted as the other: both directions together, for the border between two classes wanders',
  'largest growth':
    'Since the reference: the mean of up to 5 checkpoints around the current one less that around the reference. What is within the spread between checkpoints or the Poisson noise of the counts is left out',
  'more than noise':
    'McNemar’s exact test of the images that only one of the two runs puts into the cell; of all cells, those that hold with a false discovery rate of 5 % (Benjamini–Hochberg)',
  diagonal: 'The cells that are correct; excluded from the colours, they do not drown the others',
  'effect by class':
    'How many more or fewer images of each class are right when the filter is set to zero behind its nonlinearity; the line is the 95 % interval, and grey is within noise',
  'effect interval':
    'Where the net loss lies with 95 % certainty: ± 1.96 times the root of lost plus gained images. What holds zero is noise, and grey',
  'completeness error':
    'Of integrated gradients: how far the sum of the map is from the difference of the logit to that of the mean image, as a share of it',
  cluster: 'Images whose features lie close together, found by k-means; keeps its position over time',
  'what makes this cluster':
    'Measured properties of the images, words of their file names and classes in which the cluster differs from other images: by the difference of means in standard deviations (Hedges’ g), or of shares. What is within the noise or small is left out',
  slice:
    'The images that a caption describes, wherever they are clustered: how often the network is wrong on them and on the others',
  'between images of the same class':
    'The difference of the errors without what comes from harder classes being more frequent on one side (Mantel–Haenszel)',
  'align by':
    'What is the same for both runs at the playheads: epoch, steps, images seen, the fraction of each run, training time, or the test error (B’s first checkpoint that is as good as A’s)',
  CKA: 'Centred kernel alignment, linear and debiased: 1 where two layers respond alike to the images up to rotation and scale, about 0 where they have nothing in common; ruled by the directions of greatest variance',
  Procrustes:
    'Orthogonal Procrustes similarity: the cosine of the angle left when one layer’s outputs are rotated onto the other’s as well as they can be. Every direction counts; of many channels some is chance',
  opposite:
    'The layer of B that a layer of A is most like by CKA, their order kept; of one network the same layer',
  matched:
    'A filter of A and one of B, paired one to one by the correlation of their activations over the same images, where it is above that of shuffled images; each other’s best where neither has a better one',
  constant: 'A layer or filter with the same output for every image: it correlates with nothing',
  'images/s':
    'Training images per second: the median of all steps. Tests, snapshots and pauses do not count; the training time counts slow steps, too',
  metric:
    'How closeness is measured: by angle (cosine), by distance (Euclidean), or by distance once every value has mean 0 and spread 1 (standardised)',
  mixed: 'A cluster in which no class prevails',
  'learning rate': 'How far a step moves the weights along the gradient',
  split: 'Training images were learned from; test images never were',
} as const;

export type Term = keyof typeof TERMS;

/** The term under an element, where it or what it lies in names one. */
export function termAt(target: EventTarget | null): Term | null {
  const named = target instanceof Element ? target.closest<HTMLElement>('[data-term]') : null;
  const term = named?.dataset.term;
  return term && term in TERMS ? (term as Term) : null;
}
