//! What is computed from the training images before training: mean, standard deviation, whitening filters.

mod statistics;
mod whitening;

pub use statistics::InputStatistics;
pub use whitening::whiten;
