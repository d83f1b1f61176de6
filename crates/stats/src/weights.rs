//! Sizes of a snapshot's weights and of their changes.

use deepviz_net::recipe::Optimiser;
use deepviz_net::{Parameters, Role, RunInfo, Snapshot, Step};

/// Numbers of one array of weights or biases at a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct WeightNumbers {
    /// Euclidean norm.
    pub norm: f32,
    /// Mean.
    pub mean: f32,
    /// Standard deviation.
    pub spread: f32,
    /// Least value.
    pub min: f32,
    /// Greatest value.
    pub max: f32,
    /// Norm of what the last step of training added, over the norm; 0 before the first step, and
    /// where the optimiser keeps no velocity.
    pub update: f32,
    /// Norm of the change since the checkpoint before, over the norm there; NaN where there is none.
    pub change: f32,
}

/// The numbers of every array of a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightsAtCheckpoint {
    /// The checkpoint.
    pub step: Step,
    /// By array, in the order of the network's parameters.
    pub arrays: Vec<WeightNumbers>,
}

/// The numbers of a snapshot's arrays; `before` holds the weights of the snapshot before.
pub(crate) fn numbers_of(
    info: &RunInfo,
    network: &deepviz_net::Network,
    snapshot: &Snapshot,
    before: Option<&Parameters>,
) -> Vec<WeightNumbers> {
    let last_step = snapshot.step.0.saturating_sub(1);
    // Without an optimiser of ours a snapshot has no arrays of one, and no update.
    let training = info.training.as_ref();
    let rates = training
        .map(|training| training.spec.schedule.rates(last_step, training.steps_per_epoch.max(1)))
        .unwrap_or_default();
    let optimiser = training.map(|training| training.spec.optimiser.kind);
    let specs = network.parameters();
    specs
        .map(|spec| {
            let values = |parameters: &Parameters| {
                let array = parameters.get(&spec.name);
                array.map(|array| array.iter().copied().collect::<Vec<f32>>()).unwrap_or_default()
            };
            let weights = values(&snapshot.parameters);
            let norm = norm_of(weights.iter().copied());
            // Where the rate is outside of the velocity, the update is their product.
            let rate = match (optimiser, spec.role) {
                (Some(Optimiser::CudaConvnet), _) => 1.0,
                (_, Role::Weight) => rates.weight * spec.rate_factor,
                (_, Role::Bias) => rates.bias * spec.rate_factor,
                (_, Role::RunningMean | Role::RunningVariance) => 0.0,
            };
            let update = norm_of(values(&snapshot.optimizer).into_iter()) * rate;
            let change = before.map(values).filter(|before| before.len() == weights.len()).map(|before| {
                let moved = norm_of(weights.iter().zip(&before).map(|(now, then)| now - then));
                ratio(moved, norm_of(before.iter().copied()))
            });
            let count = weights.len().max(1) as f64;
            let mean = weights.iter().map(|&w| f64::from(w)).sum::<f64>() / count;
            WeightNumbers {
                norm: norm as f32,
                mean: mean as f32,
                spread: (norm * norm / count - mean * mean).max(0.0).sqrt() as f32,
                min: weights.iter().copied().fold(f32::INFINITY, f32::min),
                max: weights.iter().copied().fold(f32::NEG_INFINITY, f32::max),
                update: ratio(update, norm),
                change: change.unwrap_or(f32::NAN),
            }
        })
        .collect()
}

fn norm_of(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|value| f64::from(value).powi(2)).sum::<f64>().sqrt()
}

/// 0 where nothing moved, even from nothing.
fn ratio(moved: f64, norm: f64) -> f32 {
    if moved == 0.0 { 0.0 } else { (moved / norm) as f32 }
}
