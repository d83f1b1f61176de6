//! What training starts from that is measured on its images: mean, deviation, whitening filters.

mod statistics;
mod whitening;

pub use statistics::InputStatistics;
pub use whitening::whiten;
