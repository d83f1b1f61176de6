//! Passes through a network on a GPU.

mod engine;
pub(crate) mod images;
mod layout;
mod model;
mod pass;

pub(crate) use engine::CudaEngine;
pub(crate) use layout::{from_device, to_device};
pub(crate) use model::CudaModel;
pub(crate) use pass::{Buffers, Pass, Training, Weights};
