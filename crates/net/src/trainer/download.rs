//! Copies of a training state, for snapshots.

use crate::device::cuda::Cuda;
use crate::error::Error;
use crate::execute::cuda::from_device;
use crate::network::Network;
use crate::ops::ParameterSpec;
use crate::optimiser::{Optimiser, TrainingState};
use crate::parameters::Parameters;
use cudarc::driver::{CudaEvent, PinnedHostSlice};
use ndarray::ArrayD;
use std::fmt;
use std::sync::Arc;

/// A copy of a trainer's weights, running statistics and optimiser's arrays.
#[derive(Debug)]
pub enum StateCopy {
    /// The finished copy.
    Ready(TrainingState),
    /// It is being copied out of a GPU's memory.
    Pending(PendingDownload),
}

impl StateCopy {
    /// Waits for the copy where it is not made yet.
    ///
    /// # Errors
    /// As [`PendingDownload::wait`].
    pub fn wait(self) -> Result<TrainingState, Error> {
        match self {
            Self::Ready(state) => Ok(state),
            Self::Pending(download) => download.wait(),
        }
    }
}

/// A copy that a GPU is still writing into the host's memory; it may be waited for on another thread.
pub struct PendingDownload {
    pub(super) done: CudaEvent,
    pub(super) host: PinnedHostSlice<f32>,
    pub(super) network: Arc<Network>,
    pub(super) optimiser: Optimiser,
    pub(super) on: Cuda,
}

impl fmt::Debug for PendingDownload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PendingDownload({} floats)", self.host.len())
    }
}

impl Drop for PendingDownload {
    /// The memory is not released while the device still writes into it.
    fn drop(&mut self) {
        self.done.synchronize().ok();
    }
}

impl PendingDownload {
    /// Waits for the copy.
    ///
    /// # Errors
    /// [`Error::Device`] where the GPU failed meanwhile.
    pub fn wait(self) -> Result<TrainingState, Error> {
        let network = &*self.network;
        self.done.synchronize().map_err(self.on.failed("copy from the device"))?;
        let mut values = self.host.as_slice().map_err(self.on.failed("copy from the device"))?;
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
        Ok(TrainingState { parameters, optimiser: state })
    }
}
