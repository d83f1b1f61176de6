//! Forward and backward passes through a network, per device.

pub(crate) mod cpu;
pub(crate) mod cuda;
mod engine;

pub use engine::{Batch, BatchResult, Engine};
