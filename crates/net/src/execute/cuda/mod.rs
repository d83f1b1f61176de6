//! Passes through a network on a GPU.

mod engine;
mod layout;
mod model;
mod outgoing;
mod pass;
mod trainer;

pub(crate) use engine::CudaEngine;
pub(crate) use layout::to_device;
pub(crate) use model::CudaModel;
pub use outgoing::Outgoing;
pub use trainer::{Begin, CudaTrainer, StepInput};
