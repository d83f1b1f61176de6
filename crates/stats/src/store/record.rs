//! What is written of a unit, and what names it.

use deepviz_attribution::ablation::Atlas;
use deepviz_corpus::{ClassId, ImageId, Split};
use deepviz_net::{Network, Step};
use ndarray::Array2;

use crate::activity::LayerRecord;
use crate::cluster::{ClusterSetInfo, Neighbour};
use crate::confusion::Outcome;
use crate::weights::WeightNumbers;

/// A unit: one snapshot over one split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct UnitId {
    pub step: Step,
    pub split: Split,
}

/// A unit with the files that it was computed from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitKey<'a> {
    pub step: Step,
    pub split: Split,
    pub snapshot_hash: &'a str,
    pub corpus_hash: &'a str,
}

/// The numbers of a whole unit.
pub(crate) struct UnitNumbers<'a> {
    pub logits: Array2<f32>,
    pub outcome: Outcome,
    pub labels: &'a [ClassId],
    pub first_image: ImageId,
}

/// The computed numbers of a unit.
pub(crate) struct UnitRecord<'a> {
    pub key: UnitKey<'a>,
    /// `None` where these stood in the store already and cluster sets or layers are added.
    pub numbers: Option<UnitNumbers<'a>>,
    /// The activity of layers; those that the store has of the unit stay.
    pub activity: Vec<LayerRecord>,
    pub network: &'a Network,
    pub sets: Vec<SetRecord>,
    /// The ablation effects of filters, where they are wanted and missing.
    pub ablation: Option<AblationRecord>,
    /// `None` where they are in the store already.
    pub weights: Option<WeightRecord>,
    pub seconds: f64,
}

/// A cluster set: its clusters, or the reason why there are none (`info.problem`).
pub(crate) struct SetRecord {
    pub info: ClusterSetInfo,
    pub clusters: Option<SetClusters>,
    pub seconds: f64,
}

/// The clusters of a set.
pub(crate) struct SetClusters {
    pub centres: Array2<f32>,
    pub mix: Array2<u32>,
    pub nearest: Vec<Vec<Neighbour>>,
    pub assignments: Vec<u16>,
}

/// The numbers of a snapshot's weights.
pub(crate) struct WeightRecord {
    /// Hash of the snapshot before, empty for the first.
    pub previous_hash: String,
    pub arrays: Vec<WeightNumbers>,
}

/// Ablation effects with the number of images that was requested.
pub(crate) struct AblationRecord {
    pub atlas: Atlas,
    pub sample: usize,
}
