//! Loss and gradients of a batch, on any device.

use super::batch::{Batch, BatchResult};
use super::cpu::engine::CpuEngine;
use super::cuda::CudaEngine;
use crate::device::Device;
use crate::error::Error;
use crate::input::Preprocess;
use crate::network::Network;
use crate::parameters::Parameters;
use std::sync::Arc;

/// Computes gradients of batches, keeping its buffers from step to step.
#[derive(Debug)]
pub struct Engine(Backend);

#[derive(Debug)]
enum Backend {
    Cpu(Box<CpuEngine>),
    Cuda(Box<CudaEngine>),
}

impl Engine {
    /// Plans the network's training on the device.
    pub fn new(network: Arc<Network>, preprocess: Arc<Preprocess>, device: &Device) -> Result<Self, Error> {
        if network.is_external() {
            return Err(Error::NoGradients);
        }
        Ok(Self(match device {
            Device::Cpu(cpu) => Backend::Cpu(Box::new(CpuEngine::new(network, preprocess, cpu)?)),
            Device::Cuda(cuda) => Backend::Cuda(Box::new(CudaEngine::new(network, preprocess, cuda)?)),
            Device::Worker(_) => return Err(Error::NoGradients),
        }))
    }

    /// The network.
    pub fn network(&self) -> &Arc<Network> {
        match &self.0 {
            Backend::Cpu(engine) => engine.network(),
            Backend::Cuda(engine) => engine.network(),
        }
    }

    /// Writes into `into` the gradient of the summed loss with respect to every parameter, and in place of a
    /// running statistic the minibatch's: mean and unbiased variance.
    ///
    /// On the processor bit for bit the same for any number of threads.
    pub fn gradients(
        &mut self,
        parameters: &Parameters,
        batch: &Batch<'_>,
        into: &mut Parameters,
    ) -> Result<BatchResult, Error> {
        check_batch(self.network(), parameters, batch, into)?;
        match &mut self.0 {
            Backend::Cpu(engine) => engine.gradients(parameters, batch, into),
            Backend::Cuda(engine) => engine.gradients(parameters, batch, into),
        }
    }
}

/// Refuses what does not belong to the network.
fn check_batch(network: &Network, parameters: &Parameters, batch: &Batch<'_>, into: &Parameters) -> Result<(), Error> {
    parameters.check_in_memory(network)?;
    into.check_in_memory(network)?;
    let names = network.parameters().map(|spec| spec.name.as_str());
    if !names.eq(into.iter().map(|(name, _)| name)) {
        return Err(Error::Input {
            what: "parameters to hold gradients",
            expected: "the network's order (as Parameters::zeros makes them)".into(),
            found: "another order".into(),
        });
    }
    let images = batch.images.len();
    for (what, found) in [("labels of a batch", batch.labels.len()), ("views of a batch", batch.views.len())] {
        if found != images {
            return Err(Error::Input { what, expected: format!("{images}, one an image"), found: found.to_string() });
        }
    }
    let classes = network.classes();
    let wrong = batch.labels.iter().find(|label| usize::from(**label) >= classes);
    if let Some(label) = wrong {
        return Err(Error::Input {
            what: "label",
            expected: format!("a class from 0 to {}", classes - 1),
            found: label.to_string(),
        });
    }
    if images == 0 {
        return Err(Error::Input { what: "batch", expected: "at least one image".into(), found: "none".into() });
    }
    Ok(())
}
