//! Passes through a network on the CPU.

pub(crate) mod engine;
mod group;
pub(crate) mod model;
pub(crate) mod pass;
pub(crate) mod plan;
mod staged;
mod stages;
pub(crate) mod weights;
