//! Do two networks see the same? Arrays in, numbers out.
//!
//! - [`cka`]: linear centred kernel alignment without bias, for whole layers (Kornblith, Norouzi, Lee and Hinton,
//!   "Similarity of neural network representations revisited", 2019; the estimator without bias of Song, Smola, Gretton,
//!   Bedo and Borgwardt, 2012, as used by Nguyen, Raghu and Kornblith, 2021).
//! - [`procrustes`]: orthogonal Procrustes similarity (Williams, Kunz, Kornblith and Linderman, "Generalized shape metrics
//!   on neural representations", 2021).
//! - [`units`]: single units by the correlation of their activations, one to one (Li, Yosinski, Clune, Lipson and
//!   Hopcroft, "Convergent learning", 2016).
//! - [`lifelines`]: since when each unit of one network has been like its final self.
//! - [`paired`]: what two classifiers do with the same images (`McNemar`'s exact test, Benjamini and Hochberg).
//! - [`mod@align`]: aligns the layers of two networks: which one corresponds to which.
//!
//! Nothing is drawn at random here: the caller says which images form a half, and in which order they are shuffled.

pub mod align;
pub mod cka;
pub mod lifelines;
pub mod paired;
pub mod procrustes;
pub mod units;

/// The 97.5th percentile of Student's t with 20 degrees of freedom, and with 19.
const STUDENT: f64 = 2.085_963;
const STUDENT_19: f64 = 2.093_024;

/// A number with the interval of 95 % around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number, computed from all images.
    pub value: f64,
    /// From and to.
    pub interval: [f64; 2],
}

impl Estimate {
    /// From the same number computed on random halves of the images, drawn without replacement.
    ///
    /// On `n` of `2n` images, the number scatters around that of all images with the variance `(1/n - 1/2n) s² = s²/2n`,
    /// which is the variance of the number of all images itself: the delete-d jackknife with half of the images left out
    /// (Shao and Wu, "A general theory for jackknife variance estimation", 1989), which needs no factor. The width is that of
    /// Student's t with 20 degrees of freedom. Where the number is about 0 the interval is too wide rather than too narrow.
    /// Without halves it is the number alone.
    #[must_use]
    pub fn from_halves(value: f64, halves: &[f64]) -> Self {
        let mean_square = halves.iter().map(|half| (half - value).powi(2)).sum::<f64>() / halves.len().max(1) as f64;
        let width = STUDENT * mean_square.sqrt();
        Self { value, interval: [value - width, value + width] }
    }

    /// As [`Self::from_halves`] for a number that half as many images make larger or smaller by themselves: the halves'
    /// spread about their own mean. What few images do to the number itself is not in the interval.
    #[must_use]
    pub fn from_biased_halves(value: f64, halves: &[f64]) -> Self {
        let mean = halves.iter().sum::<f64>() / halves.len().max(1) as f64;
        let squares = halves.iter().map(|half| (half - mean).powi(2)).sum::<f64>();
        let width = STUDENT_19 * (squares / halves.len().saturating_sub(1).max(1) as f64).sqrt();
        Self { value, interval: [value - width, value + width] }
    }
}

/// Features less their mean over the images, `[images, features]`.
fn centred(features: ndarray::ArrayView2<'_, f32>) -> ndarray::Array2<f32> {
    let count = features.nrows().max(1) as f64;
    let sums = features.map_axis(ndarray::Axis(0), |column| column.iter().map(|&value| f64::from(value)).sum::<f64>());
    let mut centred = features.to_owned();
    for mut row in centred.rows_mut() {
        row.iter_mut().zip(&sums).for_each(|(value, sum)| *value = (f64::from(*value) - sum / count) as f32);
    }
    centred
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_halves_is_that_of_the_whole() {
        let estimate = Estimate::from_halves(0.5, &[0.4, 0.6]);
        assert!((estimate.interval[0] - (0.5 - 0.208_596_3)).abs() < 1e-12);
        let biased = Estimate::from_biased_halves(0.5, &[0.7, 0.9]);
        assert!((biased.interval[1] - (0.5 + 2.093_024 * 0.02_f64.sqrt())).abs() < 1e-12);
        let alone = Estimate::from_halves(0.5, &[]).interval;
        assert!((alone[1] - alone[0]).abs() < 1e-15);
    }
}
