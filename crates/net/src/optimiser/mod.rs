//! The optimiser's updates.

mod muon;
pub(crate) mod muon_cuda;
mod rule;

pub use muon::Orthogonaliser;
pub use rule::Rule;
