//! Loss and error over the test split.

use crate::error::Error;
use crate::images::Images;
use deepviz_corpus::{Corpus, Split};
use deepviz_net::recipe::TestViews;
use deepviz_net::{Evaluator, Network};
use ndarray::{Array2, ArrayView1, ArrayView3};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Images that the network is applied to at a time; in between the stop flag is checked.
const IMAGES_AT_A_TIME: usize = 512;

/// A measurement of the test split.
pub(crate) struct Evaluation<'a> {
    pub network: &'a Arc<Network>,
    pub corpus: &'a Corpus,
    pub images: &'a Images<'a>,
    pub evaluator: Evaluator<'a>,
    pub views: TestViews,
}

/// Mean loss and error of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Measured {
    /// None where some images have none.
    pub loss: Option<f64>,
    pub error: f64,
    /// Images whose probabilities are not finite.
    pub not_finite: u64,
}

impl Evaluation<'_> {
    /// Measures the whole split; nothing where it is empty or the flag was raised.
    pub fn measure(&self, stop: &AtomicBool) -> Result<Option<Measured>, Error> {
        let ids: Vec<u32> = self.corpus.range(Split::Test).collect();
        if ids.is_empty() {
            return Ok(None);
        }
        let mut sums = Sums::default();
        for ids in ids.chunks(IMAGES_AT_A_TIME) {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let images: Vec<_> = ids.iter().filter_map(|id| self.images.get(*id)).collect();
            let probabilities = self.probabilities(&images)?;
            for (id, row) in ids.iter().zip(probabilities.rows()) {
                let label = self.corpus.labels()[*id as usize].0;
                sums.add(row, usize::from(label));
            }
        }
        Ok(Some(sums.mean(ids.len())))
    }

    /// Counts images whose probabilities are not finite.
    pub fn not_finite(&self, ids: &[u32]) -> Result<u64, Error> {
        let mut count = 0;
        for ids in ids.chunks(IMAGES_AT_A_TIME) {
            let images: Vec<_> = ids.iter().filter_map(|id| self.images.get(*id)).collect();
            let probabilities = self.probabilities(&images)?;
            count += probabilities.rows().into_iter().filter(|row| !is_finite(*row)).count() as u64;
        }
        Ok(count)
    }

    /// Probabilities of each image, averaged over the views.
    fn probabilities(&self, images: &[ArrayView3<'_, u8>]) -> Result<Array2<f32>, Error> {
        let views = self.network.test_views(self.views);
        let mut sum = Array2::zeros((images.len(), self.network.classes()));
        for (view, weight) in &views {
            let places = vec![*view; images.len()];
            sum.scaled_add(*weight, &self.evaluator.probabilities(images, &places)?);
        }
        Ok(sum / views.iter().map(|(_, weight)| weight).sum::<f32>())
    }
}

/// Losses and errors of some images.
#[derive(Default)]
struct Sums {
    loss: f64,
    errors: f64,
    not_finite: u64,
}

impl Sums {
    /// An image whose probabilities are not finite has no loss, and is wrong whatever they are.
    fn add(&mut self, probabilities: ArrayView1<'_, f32>, label: usize) {
        if is_finite(probabilities) {
            self.loss += loss_of(probabilities, label);
            self.errors += error_of(probabilities, label);
        } else {
            self.errors += 1.0;
            self.not_finite += 1;
        }
    }

    fn mean(&self, images: usize) -> Measured {
        let count = images as f64;
        Measured {
            loss: (self.not_finite == 0).then_some(self.loss / count),
            error: self.errors / count,
            not_finite: self.not_finite,
        }
    }
}

fn is_finite(probabilities: ArrayView1<'_, f32>) -> bool {
    probabilities.iter().all(|p| p.is_finite())
}

fn loss_of(probabilities: ArrayView1<'_, f32>, label: usize) -> f64 {
    // A probability that underflowed to 0 counts as the smallest there is, not as infinite loss.
    -f64::from(probabilities[label].max(f32::MIN_POSITIVE)).ln()
}

/// 0 or 1; a tie among `t` classes counts as right with probability `1/t`.
fn error_of(probabilities: ArrayView1<'_, f32>, label: usize) -> f64 {
    let best = probabilities.iter().copied().fold(f32::MIN, f32::max);
    // Written so that NaN counts as wrong.
    if probabilities[label] >= best {
        let ties = probabilities.iter().filter(|p| **p >= best).count();
        return 1.0 - 1.0 / ties.max(1) as f64;
    }
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr1;

    #[test]
    fn ties_count_in_part() {
        let row = arr1(&[0.4, 0.4, 0.2]);
        assert!((error_of(row.view(), 0) - 0.5).abs() < 1e-12);
        assert!((error_of(row.view(), 2) - 1.0).abs() < 1e-12);
        let sure = arr1(&[0.0, 1.0]);
        assert!(error_of(sure.view(), 1).abs() < 1e-12);
        assert!((80.0..100.0).contains(&loss_of(sure.view(), 0)));
    }

    #[test]
    fn what_is_not_finite_is_wrong_and_has_no_loss() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for row in [[bad, bad, bad], [bad, 0.5, 0.5], [0.5, bad, 0.5]] {
                let mut sums = Sums::default();
                sums.add(arr1(&row).view(), 0);
                assert_eq!(sums.mean(1), Measured { loss: None, error: 1.0, not_finite: 1 }, "{row:?}");
            }
        }
        assert!((error_of(arr1(&[f32::NAN; 3]).view(), 1) - 1.0).abs() < 1e-12);
        let mut sums = Sums::default();
        sums.add(arr1(&[1.0, 0.0]).view(), 0);
        sums.add(arr1(&[f32::NAN, 0.0]).view(), 1);
        assert_eq!(sums.mean(2), Measured { loss: None, error: 0.5, not_finite: 1 });
    }
}
