//! The distance between two rows of outputs.

use std::fmt;
use std::str::FromStr;

use ndarray::{Array2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// The distance between two rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// The distance between the rows as they are.
    Euclidean,
    /// The distance between the rows scaled to length one, which grows with the angle between them.
    Cosine,
    /// The distance between the rows once every column has mean 0 and spread 1 over the split's images, so
    /// that no value counts more for being large.
    Standardised,
}

impl Metric {
    /// Brings rows into the space in which Euclidean distances are this metric's.
    pub fn prepare(self, rows: &mut Array2<f32>) {
        match self {
            Self::Euclidean => {}
            Self::Cosine => scale_to_unit_length(rows),
            Self::Standardised => standardise(rows),
        }
    }

    /// The name, as in the database and in URLs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Euclidean => "euclidean",
            Self::Cosine => "cosine",
            Self::Standardised => "standardised",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A metric that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no metric; expected euclidean, cosine or standardised")]
pub struct UnknownMetric {
    /// The given name.
    pub found: String,
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "euclidean" => Ok(Self::Euclidean),
            "cosine" => Ok(Self::Cosine),
            "standardised" => Ok(Self::Standardised),
            _ => Err(UnknownMetric { found: text.to_owned() }),
        }
    }
}

/// Shifts and scales each column to mean 0 and spread 1; one whose values are all alike becomes 0.
fn standardise(rows: &mut Array2<f32>) {
    let count = rows.nrows() as f64;
    // Column by column in double precision, in the order of the rows, so that the result is always the same.
    let sums = rows.rows().into_iter().fold(vec![[0.0; 2]; rows.ncols()], |mut sums, row| {
        for (sums, &x) in sums.iter_mut().zip(row) {
            sums[0] += f64::from(x);
            sums[1] += f64::from(x).powi(2);
        }
        sums
    });
    let columns: Vec<(f64, f64)> = sums
        .into_iter()
        .map(|[sum, squares]| {
            let mean = sum / count;
            let variance = squares / count - mean * mean;
            // What is left of a constant column is rounding.
            let is_constant = variance <= 1e-12 * mean * mean;
            (mean, if is_constant { 0.0 } else { 1.0 / variance.sqrt() })
        })
        .collect();
    rows.axis_iter_mut(Axis(0)).into_par_iter().with_min_len(256).for_each(|mut row| {
        for (x, &(mean, factor)) in row.iter_mut().zip(&columns) {
            *x = ((f64::from(*x) - mean) * factor) as f32;
        }
    });
}

/// Scales each row to length one; a row of zeros has no direction and stays.
fn scale_to_unit_length(rows: &mut Array2<f32>) {
    rows.axis_iter_mut(Axis(0)).into_par_iter().with_min_len(256).for_each(|mut row| {
        let length = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
        if length > 0.0 {
            row.mapv_inplace(|x| (f64::from(x) / length) as f32);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn rows_get_unit_length_and_zeros_stay() {
        let mut rows = array![[3.0_f32, 4.0], [0.0, 0.0], [1e-30, 0.0]];
        scale_to_unit_length(&mut rows);
        assert_eq!(rows, array![[0.6, 0.8], [0.0, 0.0], [1.0, 0.0]]);
    }

    #[test]
    fn columns_are_standardised_and_constant_ones_become_zero() {
        let mut rows = array![[1.0_f32, 5.0, 0.1], [3.0, 5.0, 0.1], [5.0, 5.0, 0.1]];
        standardise(&mut rows);
        // Mean 3, variance 8/3.
        let by = 2.0 / (8.0_f32 / 3.0).sqrt();
        let expected = [-by, 0.0, 0.0, 0.0, 0.0, 0.0, by, 0.0, 0.0];
        assert!(rows.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-6), "{rows}");
    }

    #[test]
    fn metric_names_go_both_ways() {
        for metric in [Metric::Euclidean, Metric::Cosine, Metric::Standardised] {
            assert_eq!(metric.to_string().parse(), Ok(metric));
        }
        assert!("manhattan".parse::<Metric>().is_err());
    }
}
