//! Optimised pictures: feature visualisation (activation maximisation), and inversion, the image reconstructed from a
//! layer's outputs.
//!
//! Both are found by gradient ascent in the space of an image's Fourier coefficients, each weighted by its mean amplitude
//! in the corpus' images, with the colours' own covariance: what comes out has the statistics of such images, and no
//! pattern of single pixels that no photograph has.
//!
//! # Source
//! Olah, Mordvintsev and Schubert, *Feature visualization*, Distill 2017; Mahendran and Vedaldi, *Understanding deep image
//! representations by inverting them*, 2015.

mod adam;
mod corpus_spectrum;
mod fourier;
mod invert;
mod maximise;
mod spectral_image;

pub use corpus_spectrum::CorpusSpectrum;
pub use invert::{Inversion, Inverter};
pub use maximise::{Start, Visualisation, Visualiser};
pub use spectral_image::Coefficients;
