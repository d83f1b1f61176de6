//! Passes through a network on the CPU.

pub(crate) mod edits;
pub(crate) mod engine;
pub(crate) mod model;
pub(crate) mod pass;
pub(crate) mod plan;
mod stages;
pub(crate) mod trace;
pub(crate) mod weights;
