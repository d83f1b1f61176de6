//! Statistics of every snapshot of a run over its corpus, and the `SQLite` store of them.
//!
//! A unit is one snapshot over one split. [`compute`] streams the images through the network once
//! per unit and writes, in one transaction, the outputs of every image, the confusion counts, the
//! images of each cell of the confusion matrix, the activity of every layer's filters with the images that
//! activate them most, and clusters of chosen layers' outputs; only what is missing is computed, several processes
//! may share the work, and [`follow`] follows a run that is still growing. [`Store`] reads it all back,
//! also while another process writes.
//!
//! Nothing is shown that was made from other files than the run has now: every unit records the hash
//! of its snapshot and the identity of its corpus.

mod ablation;
mod activation_stats;
mod activity;
pub mod captions;
mod chosen_layers;
mod cluster;
mod clustering;
mod codec;
pub mod compare;
mod computation;
mod compute;
mod confusion;
mod control;
mod duplicates;
mod error;
mod example_stats;
mod forward;
mod job;
mod kmeans;
mod label_issues;
mod loaded;
mod matching;
mod metric;
mod near;
mod observer;
mod output_check;
mod pack;
mod page;
mod plan;
mod prediction_changes;
pub mod separation;
mod store;
mod summary;
mod unit;
mod weights;
mod work;

pub use activity::{ClassActivity, FilterActivity, LayerActivity, TopImage};
pub use chosen_layers::named as layers_named;
pub use cluster::{ClusterSet, ClusterSetInfo, ClustersAtCheckpoint, Lineage, Neighbour, cluster_names};
pub use compute::{compute, follow};
pub use confusion::{CellPage, Confusion, predicted, predicted_class, softmax};
pub use control::retry_while_busy;
pub use duplicates::{DuplicatePair, DuplicateSearch, OutputsOfSplits};
pub use error::Error;
pub use example_stats::{Example, ExampleOrder, ExampleStats};
pub use job::Job;
#[doc(hidden)]
pub use kmeans::warm_fit;
pub use kmeans::{Kmeans, Origin};
pub use label_issues::{LabelIssue, label_issues};
pub use metric::{Metric, UnknownMetric};
pub use near::{NearImage, NearQuery};
pub use observer::{Blocker, Event, Observer};
pub use output_check::OutputCheck;
pub use page::Page;
pub use prediction_changes::{PredictionChange, Verdict};
pub use store::deadline::end_reads_soon;
pub use store::{CellQuery, FILE_NAME, LOG_FILE_NAME, Merged, ResultStore, Store};
pub use summary::Summary;
pub use unit::{State, UnitState};
pub use weights::{WeightNumbers, WeightsAtCheckpoint};
