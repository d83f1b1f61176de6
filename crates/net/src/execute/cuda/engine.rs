//! Gradients of single batches whose parameters come from outside: for tests and checks, where the
//! device is compared with the CPU. Training itself stays on the device ([`crate::trainer`]).

use super::pass::{Buffers, Pass, Training, Weights};
use crate::device::cuda::{Cuda, Memory};
use crate::error::Error;
use crate::execute::cuda::images::{Images, Preprocessing, device_views};
use crate::execute::{Batch, BatchResult};
use crate::input::Preprocess;
use crate::network::Network;
use crate::parameters::Parameters;
use std::sync::Arc;

/// A network with its gradients on the device.
pub(crate) struct CudaEngine {
    on: Cuda,
    network: Arc<Network>,
    preprocess: Arc<Preprocess>,
    weights: Weights,
    gradients: Weights,
    buffers: Option<BatchBuffers>,
}

impl std::fmt::Debug for CudaEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CudaEngine({} layers, {:?})", self.network.layers().len(), self.on)
    }
}

/// What depends on the size of the batch.
struct BatchBuffers {
    space: Buffers,
    preprocessing: Preprocessing,
    losses: [Memory<f64>; 3],
}

impl CudaEngine {
    pub fn new(network: Arc<Network>, preprocess: Arc<Preprocess>, on: &Cuda) -> Result<Self, Error> {
        Ok(Self {
            weights: Weights::zeros(on, &network)?,
            gradients: Weights::zeros(on, &network)?,
            on: on.clone(),
            network,
            preprocess,
            buffers: None,
        })
    }

    pub fn network(&self) -> &Arc<Network> {
        &self.network
    }

    /// As [`crate::Engine::gradients`]; the batch was checked.
    pub fn gradients(
        &mut self,
        parameters: &Parameters,
        batch: &Batch<'_>,
        into: &mut Parameters,
    ) -> Result<BatchResult, Error> {
        let (on, network, count) = (&self.on, &*self.network, batch.images.len());
        let buffers = match self.buffers.take() {
            Some(buffers) if buffers.space.images >= count => buffers,
            _ => BatchBuffers {
                space: Buffers::new(on, network, count, true)?,
                preprocessing: Preprocessing::new(on, network, Arc::clone(&self.preprocess), count)?,
                losses: [Memory::zeros(on, count)?, Memory::zeros(on, count)?, Memory::zeros(on, 2)?],
            },
        };
        let buffers = self.buffers.insert(buffers);
        buffers.preprocessing.check(network, batch.images, batch.views)?;
        self.weights.upload(on, network, parameters)?;
        let (views, coloured) = device_views(batch.views);
        let bytes = Memory::of(on, &network.transform().bytes(batch.images)?)?;
        let ids = Memory::of(on, &(0..count as u32).collect::<Vec<_>>())?;
        let views = Memory::of(on, &views)?;
        let labels = Memory::of(on, batch.labels)?;
        let noise = Memory::of(on, &[batch.noise])?;
        let images = Images { pixels: bytes.at(), ids: ids.at(), views: views.at(), count, coloured };
        buffers.preprocessing.run(on, network, images, buffers.space.activation(0).at())?;
        let training = Training {
            noise: noise.at(),
            gradients: &self.gradients,
            labels: labels.at(),
            losses: [0, 1, 2].map(|index: usize| buffers.losses[index].at()),
            label_smoothing: batch.label_smoothing,
        };
        let pass = Pass {
            on,
            network,
            space: &buffers.space,
            weights: &self.weights,
            images: count,
            training: Some(training),
        };
        pass.forward(network.output())?;
        pass.backward(training)?;
        self.gradients.download(on, network, into)?;
        let sums = buffers.losses[2].read(on, 2)?;
        Ok(BatchResult { loss_sum: sums[0], errors: sums[1] })
    }
}
