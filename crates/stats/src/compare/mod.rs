//! Two checkpoints side by side, of one run or of two with any networks: what they do with the same images, which of their
//! layers see the same, and which of their units.
//!
//! The arithmetic is `deepviz-similarity`'s. Here stand the choices that a reader has to know: which layers, how coarse the
//! maps are, which images form a half.

mod layers;
mod outcomes;
mod pooled;
mod units;

pub use deepviz_similarity::Estimate;
pub use deepviz_similarity::lifelines::{Life, UnitsAtCheckpoint, lives};
pub use deepviz_similarity::paired::Discordant;
pub use deepviz_similarity::units::{Matching, Nearest, Pair, StandardisedUnits};
pub use layers::{HALVES, LayerComparison, LayerMap, MAX_PROCRUSTES_FEATURES, procrustes_of_pair};
pub use outcomes::{
    Checkpoint, ClassMap, Compared, Difference, DifferentClasses, ImageOutcome, Outcome, Right, compare_outcomes,
};
pub use pooled::{MeasuredLayer, Pooling, layer_grid, measured_layers, pooled, unit_grid};
pub use units::{UnitMatch, match_units};
