//! Outputs to predictions, and predictions to the confusion matrix and the images of its cells.

use deepviz_corpus::{ClassId, ImageId};
use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::pack::Ranked;

/// Counts of images by true class (rows) and predicted class (columns).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// Number of classes.
    pub classes: usize,
    /// `[true, predicted]`.
    pub counts: Array2<u32>,
}

impl Confusion {
    /// All images counted.
    pub fn images(&self) -> u64 {
        self.counts.iter().map(|&n| u64::from(n)).sum()
    }

    /// The share of images off the diagonal; `None` where there are no images.
    pub fn error(&self) -> Option<f64> {
        let images = self.images();
        let right: u64 = self.counts.diag().iter().map(|&n| u64::from(n)).sum();
        (images > 0).then(|| (images - right) as f64 / images as f64)
    }
}

/// One page of a cell of the confusion matrix, most confident first.
#[derive(Clone, Debug, PartialEq)]
pub struct CellPage {
    /// All images in the cell.
    pub total: usize,
    /// The images of this page with the probability of the predicted class.
    pub items: Vec<(ImageId, f32)>,
}

/// Probabilities from logits: `exp(x_i - max) / sum`, in f64.
pub fn softmax(logits: ArrayView1<'_, f32>) -> Vec<f32> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f64> = logits.iter().map(|&x| f64::from(x - max).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.iter().map(|e| (e / sum) as f32).collect()
}

/// The first of the largest values, as numpy's argmax has it. Values that are not all finite predict nothing: see
/// [`predicted_class`].
pub fn predicted(logits: ArrayView1<'_, f32>) -> usize {
    let mut best = 0;
    for (class, &value) in logits.iter().enumerate() {
        if value > logits[best] {
            best = class;
        }
    }
    best
}

/// The class that outputs and the probabilities made from them predict; none where one of them is not finite.
pub fn predicted_class(logits: &[f32], probabilities: &[f32]) -> Option<usize> {
    let is_finite = logits.iter().chain(probabilities).all(|value| value.is_finite());
    (is_finite && !logits.is_empty()).then(|| predicted(logits.into()))
}

/// Confusion, ranking and losses from the outputs of a whole split.
pub(crate) struct Outcome {
    pub confusion: Confusion,
    /// The images of each cell in row-major order, most confident first.
    pub ranking: Vec<Ranked>,
    /// The predicted class of each image.
    pub predictions: Vec<u16>,
    /// `p(true class)` less the greatest other probability, of each image.
    pub margins: Vec<f32>,
    /// True for each image whose prediction is the true class.
    pub is_right: Vec<bool>,
    /// Mean of `-ln p(true class)`.
    pub loss: f64,
    /// Share of images whose prediction is not their class.
    pub error: f64,
}

/// Counts, ranks and scores the outputs of the images `first..first + n`.
pub(crate) fn outcome_of(logits: ArrayView2<'_, f32>, labels: &[ClassId], first: ImageId) -> Outcome {
    let classes = logits.ncols();
    let mut counts = Array2::<u32>::zeros((classes, classes));
    let mut placed: Vec<(usize, Ranked)> = Vec::with_capacity(labels.len());
    let (mut predictions, mut margins, mut is_right) = (Vec::new(), Vec::new(), Vec::new());
    let mut loss = 0.0;
    for ((row, label), image) in logits.rows().into_iter().zip(labels).zip(first.0..) {
        let truth = usize::from(label.0);
        let guess = predicted(row);
        counts[[truth, guess]] += 1;
        loss += negative_log_likelihood(row, truth);
        let probabilities = softmax(row);
        let value = probabilities[guess];
        predictions.push(guess as u16);
        margins.push(margin(&probabilities, truth));
        is_right.push(guess == truth);
        placed.push((truth * classes + guess, Ranked { image, value }));
    }
    placed
        .sort_by(|(cell, a), (other, b)| cell.cmp(other).then(b.value.total_cmp(&a.value)).then(a.image.cmp(&b.image)));
    let confusion = Confusion { classes, counts };
    let error = confusion.error().unwrap_or(0.0);
    Outcome {
        confusion,
        ranking: placed.into_iter().map(|(_, ranked)| ranked).collect(),
        predictions,
        margins,
        is_right,
        loss: loss / labels.len().max(1) as f64,
        error,
    }
}

/// The true class's probability less the greatest other one: above 0 where the prediction is right.
fn margin(probabilities: &[f32], truth: usize) -> f32 {
    let others = probabilities.iter().enumerate().filter(|&(class, _)| class != truth);
    probabilities[truth] - others.map(|(_, &p)| p).fold(0.0, f32::max)
}

/// `-ln softmax(logits)[truth]`, which stays finite where the probability itself rounds to 0.
fn negative_log_likelihood(logits: ArrayView1<'_, f32>, truth: usize) -> f64 {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|&x| (f64::from(x) - max).exp()).sum();
    sum.ln() + max - f64::from(logits[truth])
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn softmax_is_stable_and_sums_to_one() {
        let p = softmax(array![1000.0_f32, 1001.0, 999.0].view());
        let sum: f32 = p.iter().sum();
        assert!((sum - 1.0).abs() < 1e-6, "{p:?}");
        assert!((p[1] - 0.665_241).abs() < 1e-6, "{p:?}");
    }

    #[test]
    fn ties_go_to_the_first_class() {
        assert_eq!(predicted(array![0.0_f32, 0.0, 0.0].view()), 0);
        assert_eq!(predicted(array![0.0_f32, 2.0, 2.0].view()), 1);
    }

    #[test]
    fn what_is_not_finite_predicts_no_class() {
        assert_eq!(predicted_class(&[0.0, 1.0], &[0.3, 0.7]), Some(1));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert_eq!(predicted_class(&[0.0, bad], &[0.3, 0.7]), None);
            assert_eq!(predicted_class(&[0.0, 1.0], &[bad, 0.7]), None);
        }
        assert_eq!(predicted_class(&[], &[]), None);
    }

    #[test]
    fn outcome_counts_ranks_and_scores() {
        let logits = array![[0.0_f32, 0.0], [2.0, 0.0], [0.0, 1.0], [3.0, 0.0]];
        let labels = [0, 0, 0, 1].map(ClassId);
        let outcome = outcome_of(logits.view(), &labels, ImageId(10));
        assert_eq!(outcome.confusion.counts, array![[2, 1], [1, 0]]);
        let images: Vec<u32> = outcome.ranking.iter().map(|r| r.image).collect();
        assert_eq!(images, [11, 10, 12, 13]);
        assert_eq!(outcome.predictions, [0, 0, 1, 0]);
        let p = (1.0 + (-2f32).exp()).recip();
        assert!((outcome.margins[1] - (2.0 * p - 1.0)).abs() < 1e-6 && outcome.margins[2] < 0.0);
        assert!((outcome.error - 0.5).abs() < 1e-12);
        let expected =
            [2f64.ln(), (1.0 + (-2f64).exp()).ln(), 1.0 + (1.0 + (-1f64).exp()).ln(), 3.0 + (1.0 + (-3f64).exp()).ln()];
        assert!((outcome.loss - expected.iter().sum::<f64>() / 4.0).abs() < 1e-7, "{}", outcome.loss);
    }

    #[test]
    fn loss_stays_finite_where_the_probability_is_zero() {
        let logits = array![[0.0_f32, 500.0]];
        let outcome = outcome_of(logits.view(), &[ClassId(0)], ImageId(0));
        assert!((outcome.loss - 500.0).abs() < 1e-6);
    }

    proptest::proptest! {
        #[test]
        fn every_image_is_counted_in_its_row_and_ranked_in_its_cell(
            images in proptest::collection::vec((0_u16..4, proptest::array::uniform4(-9.0_f32..9.0)), 0..60),
        ) {
            let labels: Vec<ClassId> = images.iter().map(|(label, _)| ClassId(*label)).collect();
            let logits: Vec<f32> = images.iter().flat_map(|(_, row)| *row).collect();
            let logits = Array2::from_shape_vec((images.len(), 4), logits).unwrap();
            let outcome = outcome_of(logits.view(), &labels, ImageId(7));
            let counts = &outcome.confusion.counts;
            for class in 0..4_u16 {
                let members = labels.iter().filter(|label| label.0 == class).count();
                assert_eq!(counts.row(usize::from(class)).sum() as usize, members);
            }
            let mut ranked = outcome.ranking.iter();
            for ((truth, guess), &count) in counts.indexed_iter() {
                let cell: Vec<_> = ranked.by_ref().take(count as usize).collect();
                assert!(cell.is_sorted_by(|a, b| a.value >= b.value));
                for entry in cell {
                    let row = entry.image as usize - 7;
                    assert_eq!((usize::from(labels[row].0), predicted(logits.row(row))), (truth, guess));
                }
            }
            assert!(ranked.next().is_none());
        }
    }
}
