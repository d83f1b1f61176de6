//! The options of a k-means fit.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

use ndarray::{Array2, ArrayView2};

use super::linfa;
use super::lloyd::{self, Centres};
use crate::error::Error;

/// The implementation of the k-means iterations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kmeans {
    /// Ours.
    #[default]
    Lloyd,
    /// `linfa-clustering`'s.
    Linfa,
}

impl Kmeans {
    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lloyd => "lloyd",
            Self::Linfa => "linfa",
        }
    }

    /// Iterates from these centres until they converge; `None` when stopped.
    pub(super) fn run(
        self,
        rows: ArrayView2<'_, f32>,
        start: Array2<f32>,
        stop: &AtomicBool,
    ) -> Result<Option<Centres>, Error> {
        match self {
            Self::Lloyd => Ok(lloyd::run(rows, start, stop)),
            Self::Linfa => linfa::run(rows, start).map(Some),
        }
    }
}

impl fmt::Display for Kmeans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kmeans {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = [Self::Lloyd, Self::Linfa].into_iter().find(|kmeans| kmeans.name() == text);
        known.ok_or_else(|| format!("{text:?} is no k-means; expected lloyd or linfa"))
    }
}

/// The clusters of a checkpoint, which those of the next continue.
#[derive(Clone, Debug)]
pub(crate) struct Previous {
    /// `[clusters, dimensions]`.
    pub centres: Array2<f32>,
    /// The cluster of each image.
    pub assignments: Vec<u16>,
}

/// Parameters of a fit.
pub(crate) struct Request<'a> {
    /// Number of clusters; more than there are (different) rows leaves some of them empty.
    pub clusters: usize,
    /// Everything random is a function of it.
    pub seed: u64,
    /// The checkpoint before, where there is one with as many clusters and dimensions.
    pub previous: Option<&'a Previous>,
    pub kmeans: Kmeans,
    pub stop: &'a AtomicBool,
}
