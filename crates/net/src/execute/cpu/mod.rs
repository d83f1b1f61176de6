//! Passes through a network on the CPU.

mod backward;
pub(crate) mod engine;
mod group;
pub(crate) mod model;
mod norm;
pub(crate) mod pass;
pub(crate) mod plan;
mod reduce;
mod staged;
mod stages;
