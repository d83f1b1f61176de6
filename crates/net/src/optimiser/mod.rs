//! The optimisers: how a step updates the weights, on the CPU and on a GPU.
//!
//! [`UpdateParams`] are the rates and factors of one parameter at one step; `cpu` and `cuda` have the updates that go by
//! them, `muon` what the optimiser of that name needs besides.

mod cpu;
mod cuda;
mod muon;
mod settings;
mod state;
mod update_params;

pub(crate) use cpu::CpuOptimiser;
pub(crate) use cuda::{CudaOptimiser, UpdateArrays};
pub use settings::{Optimiser, OptimiserSettings, Rates};
pub use state::TrainingState;
pub(crate) use update_params::Update;
