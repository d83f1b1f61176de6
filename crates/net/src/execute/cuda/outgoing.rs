//! What a snapshot holds, on its way from the device.

use super::layout::from_device;
use crate::device::cuda::Cuda;
use crate::error::Error;
use crate::network::Network;
use crate::ops::ParameterSpec;
use crate::optimiser::Optimiser;
use crate::parameters::Parameters;
use cudarc::driver::{CudaEvent, PinnedHostSlice};
use ndarray::ArrayD;
use std::fmt;
use std::sync::Arc;

/// What is being copied out of a [`super::CudaTrainer`].
pub struct Outgoing {
    pub(super) done: CudaEvent,
    pub(super) host: PinnedHostSlice<f32>,
    pub(super) network: Arc<Network>,
    pub(super) optimiser: Optimiser,
    pub(super) failed: Cuda,
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outgoing({} floats)", self.host.len())
    }
}

impl Drop for Outgoing {
    /// The memory is not given back while the device still writes into it.
    fn drop(&mut self) {
        self.done.synchronize().ok();
    }
}

impl Outgoing {
    /// Waits for the copy: weights with running statistics, and the optimiser's arrays.
    pub fn wait(self) -> Result<(Parameters, Parameters), Error> {
        let network = &*self.network;
        self.done.synchronize().map_err(self.failed.failed("copy from the device"))?;
        let mut values = self.host.as_slice().map_err(self.failed.failed("copy from the device"))?;
        let mut parameters = Parameters::zeros(network);
        let mut state = Parameters::optimiser_state(network, self.optimiser);
        let mut fill = |layer, spec: &ParameterSpec, array: Option<&mut ArrayD<f32>>| -> Result<(), Error> {
            // Every buffer has room for one value at least.
            let (own, rest) = values.split_at(spec.len().max(1).min(values.len()));
            values = rest;
            let array = array.ok_or_else(|| Parameters::missing(&spec.name))?;
            from_device(network, layer, spec, own, array)
        };
        for layer in network.layers() {
            for spec in &layer.parameters {
                fill(layer, spec, parameters.get_mut(&spec.name))?;
            }
        }
        for layer in network.layers() {
            for spec in layer.parameters.iter().filter(|spec| spec.is_learnt()) {
                for suffix in self.optimiser.state() {
                    fill(layer, spec, state.get_mut(&format!("{}{suffix}", spec.name)))?;
                }
            }
        }
        Ok((parameters, state))
    }
}
