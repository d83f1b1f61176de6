//! The optimisers: how a step moves the weights, on the CPU and on a GPU.
//!
//! [`UpdateParams`] are the rates and factors of one parameter at one step; `cpu` and `cuda` have the updates that go by
//! them, `muon` what the optimiser of that name needs besides.

mod cpu;
mod cuda;
mod muon;
mod settings;
mod update_params;

pub(crate) use cpu::CpuOptimiser;
pub(crate) use cuda::{CudaOptimiser, UpdateArrays};
pub use settings::{Optimiser, OptimiserSettings, Rates};
pub(crate) use update_params::Update;

use crate::parameters::Parameters;

/// The kernels of all updates.
pub(crate) const KERNELS: &str = include_str!("optimiser.cu");

/// Everything that training changes from step to step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainingState {
    /// Weights and running statistics, in the network's order.
    pub parameters: Parameters,
    /// The optimiser's arrays, in the order of [`Parameters::optimiser_state`].
    pub optimiser: Parameters,
}
