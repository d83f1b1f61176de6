//! What the rules are given: the run's measurements and statistics, read once.

use std::collections::BTreeMap;

use deepviz_corpus::ClassId;
use deepviz_net::{Network, Role};
use deepviz_stats::{Example, LabelIssue, Store};

use super::counts::Counts;
use crate::http::problem::ApiError;
use crate::runs::listing::Listing;
use crate::runs::wire::SplitName;

/// Everything that rules read.
pub(crate) struct Material {
    pub(crate) classes: Vec<String>,
    /// Every checkpoint.
    pub(crate) metrics: Vec<CheckpointMetrics>,
    pub(crate) counts: Counts,
    /// Parts of the learning rate schedule; none of a run that was trained elsewhere.
    pub(crate) phases: Vec<Phase>,
    /// Of the layers with weights.
    pub(crate) changes: Vec<LayerChanges>,
    /// Of the layers with a nonlinearity.
    pub(crate) firing: Vec<LayerFiring>,
    /// The images, or why nothing is known of them.
    pub(crate) examples: Result<Examples, String>,
}

/// What was measured at a checkpoint. Absent where it was not, or where the run has diverged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CheckpointMetrics {
    pub(crate) step: u64,
    pub(crate) epoch: f64,
    pub(crate) train_loss: Option<f64>,
    pub(crate) train_error: Option<f64>,
    pub(crate) test_loss: Option<f64>,
    pub(crate) test_error: Option<f64>,
    pub(crate) diverged: bool,
}

/// A part of the learning rate schedule.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    pub(crate) first_step: u64,
    pub(crate) epoch: f64,
    pub(crate) rate: f64,
}

/// How fast the weights of a layer change.
#[derive(Clone, Debug)]
pub(crate) struct LayerChanges {
    pub(crate) layer: String,
    /// The later of the two checkpoints of each change.
    pub(crate) checkpoints: Vec<usize>,
    /// Norm of the change since the checkpoint before over the norm there, per epoch.
    pub(crate) per_epoch: Vec<f64>,
}

/// How often the units of a layer fire.
#[derive(Clone, Debug)]
pub(crate) struct LayerFiring {
    pub(crate) layer: String,
    /// One value a unit, not a map.
    pub(crate) is_flat: bool,
    pub(crate) checkpoints: Vec<usize>,
    /// Share of the images with an output above zero: by checkpoint, then by unit.
    pub(crate) shares: Vec<Vec<f32>>,
}

/// The images of the split.
#[derive(Clone, Debug, Default)]
pub(crate) struct Examples {
    /// The checkpoints whose predictions the statistics of the images are over.
    pub(crate) checkpoints: Vec<usize>,
    pub(crate) items: Vec<Example>,
    /// The label of each.
    pub(crate) labels: Vec<ClassId>,
    /// Images whose label is probably wrong, highest score first.
    pub(crate) issues: Vec<LabelIssue>,
    /// Probabilities at every checkpoint of the images that sentences are about.
    pub(crate) histories: BTreeMap<u32, Vec<(usize, Vec<f32>)>>,
}

/// The changes of every layer's weights.
pub(crate) fn changes(
    store: &Store,
    network: &Network,
    listing: &Listing,
    metrics: &[CheckpointMetrics],
) -> Result<Vec<LayerChanges>, ApiError> {
    let stored: Vec<_> = store.weights()?;
    let specs = network.layers().iter().flat_map(|layer| layer.parameters.iter().map(move |spec| (layer, spec)));
    let weights = specs.enumerate().filter(|(_, (_, spec))| spec.role == Role::Weight);
    let of_array = |(array, (layer, _)): (usize, (&deepviz_net::Layer, _))| {
        let mut found = LayerChanges { layer: layer.name.clone(), checkpoints: Vec::new(), per_epoch: Vec::new() };
        for at in &stored {
            let (Some(index), Some(numbers)) = (listing.index_of(at.step), at.arrays.get(array)) else {
                continue;
            };
            let (Some(before), Some(now)) = (index.checked_sub(1).map(|before| metrics[before]), metrics.get(index))
            else {
                continue;
            };
            let per_epoch = f64::from(numbers.change) / (now.epoch - before.epoch);
            if per_epoch.is_finite() && !now.diverged {
                found.checkpoints.push(index);
                found.per_epoch.push(per_epoch);
            }
        }
        found
    };
    Ok(weights.map(of_array).collect())
}

/// How often the units of every layer with a rectifier fire.
pub(crate) fn firing(
    store: &Store,
    network: &Network,
    listing: &Listing,
    (split, metrics): (SplitName, &[CheckpointMetrics]),
) -> Result<Vec<LayerFiring>, ApiError> {
    let layers = network.layers();
    let mut found = Vec::new();
    for index in (1..layers.len()).filter(|&index| layers[index].kernel_dims.is_some()) {
        // What passes negative values on is not dead while it gives no positive one.
        let Some(measured_at) = network.rectifier_of(index) else { continue };
        let shape = layers[measured_at].shape;
        let mut firing = LayerFiring {
            layer: layers[index].name.clone(),
            is_flat: shape.height * shape.width == 1,
            checkpoints: Vec::new(),
            shares: Vec::new(),
        };
        for (step, units) in store.activities(split.into(), &layers[measured_at].name)? {
            let Some(index) = listing.index_of(step).filter(|&index| !metrics[index].diverged) else { continue };
            firing.checkpoints.push(index);
            firing.shares.push(units.iter().map(|unit| unit.active).collect());
        }
        found.push(firing);
    }
    Ok(found)
}
