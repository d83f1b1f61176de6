//! The optimiser's updates.

mod muon;
pub(crate) mod muon_cuda;
mod rule;

/// The kernels of all updates.
pub(crate) const KERNELS: &str = include_str!("optimiser.cu");

pub use muon::Orthogonaliser;
pub use rule::Rule;
