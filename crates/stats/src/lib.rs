//! Statistics of every snapshot of a run over its corpus, and the `SQLite` store of them.
//!
//! A unit is one snapshot over one split. [`compute`] streams the images through the network once
//! per unit and writes, in one transaction, the outputs of every image, the confusion counts, the
//! images of each cell of the confusion matrix, and clusters of chosen layers' outputs; only what is
//! missing is computed, and [`watch`] follows a run that is still growing. [`Store`] reads it all
//! back, also while somebody writes.
//!
//! Nothing is shown that was made from other files than the run has now: every unit records the hash
//! of its snapshot and the identity of its corpus.

mod cluster;
mod clustering;
mod compute;
mod confusion;
mod error;
mod forward;
mod job;
mod kmeans;
mod matching;
mod observer;
mod pack;
mod store;
mod summary;
mod unit;

pub use cluster::{ClusterMoment, ClusterSet, ClusterSetInfo, Metric, Neighbour, UnknownMetric};
pub use compute::{compute, watch};
pub use confusion::{CellPage, Confusion, predicted, softmax};
pub use error::Error;
pub use job::Job;
pub use kmeans::{Kmeans, Origin};
pub use observer::{Event, Observer};
pub use store::{CellQuery, FILE_NAME, Store};
pub use summary::Summary;
pub use unit::{State, UnitState};
