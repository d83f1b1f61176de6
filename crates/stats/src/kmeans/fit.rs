//! The outcome of a fit.

use ndarray::Array2;

/// The origin of a fit's centres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// No checkpoint before: a fresh k-means++ start.
    Fresh,
    /// From the centres of the checkpoint before.
    Warm,
    /// A fresh start was better, and was matched with the checkpoint before.
    Matched,
}

impl Origin {
    /// The name, as in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Warm => "warm",
            Self::Matched => "matched",
        }
    }

    /// The origin of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Fresh, Self::Warm, Self::Matched].into_iter().find(|origin| origin.name() == name)
    }
}

/// The partition of some rows.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    /// `[clusters, dimensions]`: the mean of the rows to which a centre is the nearest, to within the tolerance.
    pub centres: Array2<f32>,
    /// The cluster of each row: the nearest, or the one before where its centre is almost as near.
    pub assignments: Vec<u16>,
    /// The squared distance of each row to its centre.
    pub squared_distances: Vec<f32>,
    /// Sum of the squared distances.
    pub inertia: f64,
    pub iterations: usize,
    pub origin: Origin,
}

impl Fit {
    /// True when all numbers are finite: distances of rows that are far apart may not be.
    pub(crate) fn is_finite(&self) -> bool {
        let distances = self.squared_distances.iter().all(|distance| distance.is_finite());
        distances && self.inertia.is_finite() && self.centres.iter().all(|value| value.is_finite())
    }
}
