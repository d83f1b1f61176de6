//! Training on a device: steps, their results, and copies of the training state.
//!
//! On the CPU, [`Trainer::step`] returns when the step is done. On a GPU it returns while the step is being computed,
//! so that the caller can prepare the next one, and its result is known after the next call. The same goes for copies
//! of the weights. Callers ask for what is known ([`Trainer::poll`], [`StateCopy`]) and need not know on which device
//! they are.

mod cpu;
mod cuda;
mod download;
mod step;

pub use download::{PendingDownload, StateCopy};
pub use step::{InitialState, TrainingStep};

use crate::device::Device;
use crate::error::Error;
use crate::execute::BatchResult;
use crate::input::View;
use crate::model::Model;
use crate::optimiser::TrainingState;
use crate::training_spec::TrainingSpec;
use cpu::CpuTrainer;
use cuda::CudaTrainer;
use ndarray::{Array2, ArrayView3};
use std::collections::VecDeque;

/// A network being trained on a device.
#[derive(Debug)]
pub struct Trainer {
    device: DeviceTrainer,
    /// Images that steps may name.
    images: usize,
    /// Results that are known and were not taken yet, in the order of their steps.
    results: VecDeque<BatchResult>,
}

#[derive(Debug)]
enum DeviceTrainer {
    Cpu(Box<CpuTrainer>),
    Cuda(Box<CudaTrainer>),
}

impl Trainer {
    /// Prepares training on a device. `images` are all that steps may name, by their numbers; a GPU keeps a copy of
    /// them where its memory allows.
    ///
    /// # Errors
    /// [`Error::Tensor`] where the state does not belong to the network, and what the device says, above all
    /// [`Error::DeviceMemory`].
    pub fn new(
        device: &Device,
        train: &TrainingSpec,
        initial: InitialState,
        images: &[ArrayView3<'_, u8>],
    ) -> Result<Self, Error> {
        let TrainingState { parameters, optimiser } = initial.state;
        let state = TrainingState {
            parameters: parameters.in_order_of(&initial.network)?,
            optimiser: optimiser.in_order_of_state(&initial.network, train.optimiser.kind)?,
        };
        let initial = InitialState { state, ..initial };
        let device = match device {
            Device::Cpu(cpu) => DeviceTrainer::Cpu(Box::new(CpuTrainer::new(cpu, train, initial)?)),
            Device::Cuda(cuda) => DeviceTrainer::Cuda(Box::new(CudaTrainer::new(cuda, train, initial, images)?)),
            Device::Worker(_) => return Err(Error::NoGradients),
        };
        Ok(Self { device, images: images.len(), results: VecDeque::new() })
    }

    /// Does a step, or starts it; on a GPU the one before is waited for. Where the loss is not finite the CPU leaves the
    /// weights as they are.
    ///
    /// # Errors
    /// [`Error::Input`] for images that are not there and a minibatch whose parts differ in length.
    pub fn step(&mut self, step: &TrainingStep<'_>) -> Result<(), Error> {
        self.check(step)?;
        let result = match &mut self.device {
            DeviceTrainer::Cpu(cpu) => Some(cpu.step(step)?),
            DeviceTrainer::Cuda(cuda) => cuda.step(step)?,
        };
        self.results.extend(result);
        Ok(())
    }

    /// Loss and errors of the first step whose result is known and was not taken yet; never waits.
    pub fn poll(&mut self) -> Option<BatchResult> {
        self.results.pop_front()
    }

    /// Waits until every step is done: [`Trainer::poll`] then gives all results.
    ///
    /// # Errors
    /// [`Error::Device`] where a GPU failed meanwhile.
    pub fn finish(&mut self) -> Result<(), Error> {
        if let DeviceTrainer::Cuda(cuda) = &mut self.device {
            self.results.extend(cuda.finish()?);
        }
        Ok(())
    }

    /// Weights, running statistics and the optimiser's arrays as they are after the steps so far, or the download of
    /// them; further steps may follow at once.
    ///
    /// # Errors
    /// [`Error::Device`] and [`Error::DeviceMemory`] of a GPU.
    pub fn copy_out(&mut self) -> Result<StateCopy, Error> {
        match &mut self.device {
            DeviceTrainer::Cpu(cpu) => Ok(StateCopy::Ready(cpu.state().clone())),
            DeviceTrainer::Cuda(cuda) => cuda.copy_out().map(StateCopy::Pending),
        }
    }

    /// The network with its present weights and running statistics.
    ///
    /// # Errors
    /// Those of [`Model::new`].
    pub fn evaluator(&self) -> Result<Evaluator<'_>, Error> {
        match &self.device {
            DeviceTrainer::Cpu(cpu) => cpu.model().map(|model| Evaluator(EvaluatorWeights::Copied(Box::new(model)))),
            DeviceTrainer::Cuda(cuda) => Ok(Evaluator(EvaluatorWeights::OfTrainer(cuda))),
        }
    }

    fn check(&self, step: &TrainingStep<'_>) -> Result<(), Error> {
        if let Some(id) = step.ids.iter().find(|id| **id as usize >= self.images) {
            let expected = format!("a number below {}", self.images);
            return Err(Error::Input { what: "image of a step", expected, found: id.to_string() });
        }
        let images = step.ids.len();
        let parts = [
            ("images of a step", step.images.len()),
            ("labels of a step", step.labels.len()),
            ("views of a step", step.views.len()),
        ];
        match parts.into_iter().find(|(_, found)| *found != images) {
            Some((what, found)) => {
                Err(Error::Input { what, expected: format!("{images}, one an image"), found: found.to_string() })
            }
            None => Ok(()),
        }
    }
}

/// Applies a network in training to images.
#[derive(Debug)]
pub struct Evaluator<'a>(EvaluatorWeights<'a>);

#[derive(Debug)]
enum EvaluatorWeights<'a> {
    Copied(Box<Model>),
    OfTrainer(&'a CudaTrainer),
}

impl Evaluator<'_> {
    /// Class probabilities, a row for one view of each image.
    ///
    /// # Errors
    /// [`Error::Input`] for images and views that do not fit the network.
    pub fn probabilities(&self, images: &[ArrayView3<'_, u8>], views: &[View]) -> Result<Array2<f32>, Error> {
        match &self.0 {
            EvaluatorWeights::OfTrainer(trainer) => trainer.probabilities(images, views),
            EvaluatorWeights::Copied(model) => {
                let output = [model.network().output()];
                let found = model.forward_views(images, views, &output)?.pop();
                found.ok_or_else(|| Error::internal("a forward pass without the output that was asked for".into()))
            }
        }
    }
}

#[cfg(test)]
mod tests;
