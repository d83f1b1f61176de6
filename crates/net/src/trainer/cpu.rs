//! Training on the CPU: [`CpuTrainer::step`] returns when the step is done.

use super::step::{InitialState, TrainingStep};
use crate::device::{Cpu, Device};
use crate::error::Error;
use crate::execute::{Batch, BatchResult, Engine};
use crate::input::Preprocess;
use crate::model::Model;
use crate::optimiser::{CpuOptimiser, OptimiserSettings, TrainingState};
use crate::parameters::Parameters;
use crate::training_spec::TrainingSpec;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct CpuTrainer {
    device: Device,
    engine: Engine,
    preprocess: Arc<Preprocess>,
    optimiser: CpuOptimiser,
    settings: OptimiserSettings,
    label_smoothing: f32,
    state: TrainingState,
    gradients: Parameters,
}

impl CpuTrainer {
    pub fn new(cpu: &Cpu, train: &TrainingSpec, initial: InitialState) -> Result<Self, Error> {
        let InitialState { network, preprocess, state } = initial;
        let device = Device::Cpu(cpu.clone());
        Ok(Self {
            gradients: Parameters::zeros(&network),
            engine: Engine::new(network, Arc::clone(&preprocess), &device)?,
            device,
            preprocess,
            optimiser: CpuOptimiser::new(cpu),
            settings: train.optimiser,
            label_smoothing: train.label_smoothing as f32,
            state,
        })
    }

    /// Gradients, then the update.
    pub fn step(&mut self, step: &TrainingStep<'_>) -> Result<BatchResult, Error> {
        let TrainingStep { images, labels, views, noise, .. } = *step;
        let batch = Batch { images, labels, views, noise, label_smoothing: self.label_smoothing };
        let result = self.engine.gradients(&self.state.parameters, &batch, &mut self.gradients)?;
        if result.loss_sum.is_finite() {
            let update = step.update(&self.settings);
            self.optimiser.update(self.engine.network(), &update, &self.gradients, &mut self.state)?;
        }
        Ok(result)
    }

    pub const fn state(&self) -> &TrainingState {
        &self.state
    }

    /// The network with the present weights.
    pub fn model(&self) -> Result<Model, Error> {
        let (network, preprocess) = (Arc::clone(self.engine.network()), Arc::clone(&self.preprocess));
        Model::new(network, preprocess, &self.state.parameters, &self.device)
    }
}
