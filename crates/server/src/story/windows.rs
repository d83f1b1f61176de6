//! Means of several checkpoints, and what of a change between two of them is more than noise. The dashboard has the same
//! rules for single cells and clusters (`web/src/views/common/windows.ts`).

use std::ops::Range;

/// Checkpoints in a mean.
pub(crate) const WINDOW: usize = 5;

/// The first and the last checkpoints of training, as positions in the list of checkpoints with statistics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) first: Range<usize>,
    pub(crate) last: Range<usize>,
}

/// Position of the first checkpoint after the untrained network (checkpoint 0), which predicts one class
/// for every image.
pub(crate) fn first_trained(checkpoints: &[usize]) -> usize {
    usize::from(checkpoints.first() == Some(&0))
}

/// Positions of the first and of the last checkpoints: [`WINDOW`] each at most, and never a single one.
///
/// # Errors
/// Why there are none: too few checkpoints.
pub(crate) fn ends(checkpoints: &[usize]) -> Result<Ends, String> {
    let low = first_trained(checkpoints);
    let trained = checkpoints.len().saturating_sub(low);
    let many = WINDOW.min(trained / 2);
    if many < 2 {
        return Err(format!(
            "needs statistics of at least 4 checkpoints after the untrained network; there are {trained}"
        ));
    }
    Ok(Ends { first: low..low + many, last: checkpoints.len() - many..checkpoints.len() })
}

/// The mean; NaN of no values.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The variance of a sample; 0 of a single value, which says nothing about it.
pub(crate) fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let middle = mean(values);
    values.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

/// A change from one window to another, and the standard deviation that the difference of two single checkpoints has.
///
/// Neighbouring checkpoints depend on each other, so the spread between them is not divided by the root of their number;
/// the images are a sample, the same at every checkpoint, so that a mean over checkpoints does not make its noise smaller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) from: f64,
    pub(crate) to: f64,
    pub(crate) noise: f64,
}

impl Change {
    fn with(from: &[f64], to: &[f64], sample_variance: impl Fn(f64) -> f64) -> Self {
        let (before, after) = (mean(from), mean(to));
        let sampled = sample_variance(before) + sample_variance(after);
        let noise = (variance(from) + variance(to)).max(sampled).sqrt();
        Self { from: before, to: after, noise }
    }

    /// Of numbers that are measured on the same images: the spread between checkpoints alone.
    pub(crate) fn of_numbers(from: &[f64], to: &[f64]) -> Self {
        Self::with(from, to, |_| 0.0)
    }

    /// Of counts of images: Poisson noise at least.
    pub(crate) fn of_counts(from: &[f64], to: &[f64]) -> Self {
        Self::with(from, to, |count| count)
    }

    /// A change between shares of `images` images: its noise is at least binomial.
    pub(crate) fn of_shares(from: &[f64], to: &[f64], images: u64) -> Self {
        Self::with(from, to, |share| share * (1.0 - share) / images.max(1) as f64)
    }

    /// How far it fell; negative where it rose.
    pub(crate) fn fall(&self) -> f64 {
        self.from - self.to
    }

    /// True if the change is more than `times` times the noise.
    pub(crate) fn exceeds(&self, times: f64) -> bool {
        self.fall().abs() > times * self.noise
    }
}

/// Means of the values around each, itself in the middle of at most [`WINDOW`]; fewer at the ends.
pub(crate) fn running_means(values: &[f64]) -> Vec<f64> {
    let reach = (WINDOW - 1) / 2;
    let around = |at: usize| &values[at.saturating_sub(reach)..(at + reach + 1).min(values.len())];
    (0..values.len()).map(|at| mean(around(at))).collect()
}

/// The first position from which on `holds` is true of every value; none where it is not true of the last.
pub(crate) fn since(values: &[f64], holds: impl Fn(f64) -> bool) -> Option<usize> {
    let start = values.iter().rposition(|&value| !holds(value)).map_or(0, |last| last + 1);
    (start < values.len()).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_leave_the_untrained_network_out_and_do_not_meet() {
        let all: Vec<usize> = (0..21).collect();
        assert_eq!(ends(&all), Ok(Ends { first: 1..6, last: 16..21 }));
        assert_eq!(ends(&[3, 5, 7, 9]), Ok(Ends { first: 0..2, last: 2..4 }));
        assert!(ends(&[0, 1, 2, 3]).unwrap_err().contains("there are 3"));
        assert!(ends(&[]).is_err());
    }

    #[test]
    fn a_change_within_the_noise_is_ignored() {
        let noisy = Change::of_numbers(&[1.0, 3.0, 5.0], &[0.0, 2.0, 4.0]);
        assert!(!noisy.exceeds(1.0) && (noisy.fall() - 1.0).abs() < 1e-12);
        assert!(Change::of_numbers(&[1.0, 1.1, 0.9], &[0.5, 0.4, 0.6]).exceeds(2.0));
        // The same counts at every checkpoint are still a sample of images.
        assert!(!Change::of_counts(&[9.0, 9.0], &[6.0, 6.0]).exceeds(1.0));
        assert!(!Change::of_shares(&[0.5, 0.5], &[0.45, 0.45], 100).exceeds(1.0));
        assert!(Change::of_shares(&[0.5, 0.5], &[0.45, 0.45], 10_000).exceeds(2.0));
        assert!(!Change::of_numbers(&[f64::NAN, 1.0], &[0.0, 0.0]).exceeds(0.0), "no number is no change");
    }

    #[test]
    fn running_means_and_the_last_time() {
        assert_eq!(running_means(&[0.0, 3.0, 6.0, 9.0]), [3.0, 4.5, 4.5, 6.0]);
        assert_eq!(since(&[0.2, 0.6, 0.4, 0.7, 0.8], |value| value >= 0.5), Some(3));
        assert_eq!(since(&[0.2, 0.6, 0.4], |value| value >= 0.5), None);
        assert_eq!(since(&[0.6], |value| value >= 0.5), Some(0));
    }
}
