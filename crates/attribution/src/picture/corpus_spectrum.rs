//! What the images of a corpus have in common: the amplitude of every frequency, and how their colours go together.

use crate::error::Error;
use deepviz_net::Model;
use ndarray::{Array2, Array3, ArrayView3, Axis};
use rustfft::num_complex::Complex;

use super::fourier::Fourier;

/// Brightness from which on a pixel counts as black or white.
const EDGE: f32 = 0.02;

/// The mean amplitude of every frequency and the covariance of colours over some images, as the network sees them.
#[derive(Clone, Debug)]
pub struct CorpusSpectrum {
    /// The network's input where the image is black, and where it is white.
    pub(super) black: Array3<f32>,
    pub(super) white: Array3<f32>,
    /// By row and column of the transform; their mean square is 1.
    pub(super) amplitudes: Array2<f32>,
    /// Lower triangle whose product with its transpose is the covariance of the colours, scaled to a mean variance of 1.
    pub(super) colours: Array2<f32>,
    /// Root mean square of the images' values, each as the logarithm of its odds between black and white.
    pub(super) contrast: f32,
}

impl CorpusSpectrum {
    /// Measures images, `[c, h, w]` as the corpus has them; some dozens are enough.
    ///
    /// # Errors
    /// Images of another shape; a network that a worker computes.
    pub fn new(model: &Model, images: &[ArrayView3<'_, u8>]) -> Result<Self, Error> {
        let dims = model.network().image().dims();
        let (black, white) = (Array3::from_elem(dims, 0), Array3::from_elem(dims, 255));
        let (black, white) = (model.input_of(black.view())?, model.input_of(white.view())?);
        let (channels, height, width) = black.dim();
        let mut fourier = Fourier::new(height, width);
        let mut amplitudes = Array2::<f32>::zeros((height, width));
        let mut covariance = Array2::<f32>::zeros((channels, channels));
        let mut squares = 0.0;
        for image in images {
            let mut values = (&model.input_of(*image)? - &black) / (&white - &black);
            squares += values.mapv(|value| log_odds(value).powi(2)).mean().unwrap_or_default();
            for mut plane in values.axis_iter_mut(Axis(0)) {
                let mean = plane.mean().unwrap_or_default();
                plane.mapv_inplace(|value| value - mean);
                let mut spectrum: Vec<Complex<f32>> = plane.iter().map(|&value| Complex::new(value, 0.0)).collect();
                fourier.forward(&mut spectrum);
                amplitudes.iter_mut().zip(&spectrum).for_each(|(sum, value)| *sum += value.norm());
            }
            for a in 0..channels {
                for b in 0..channels {
                    let product = &values.index_axis(Axis(0), a) * &values.index_axis(Axis(0), b);
                    covariance[[a, b]] += product.mean().unwrap_or_default();
                }
            }
        }
        // The mean of the image itself is free: as much as its neighbours have.
        amplitudes[[0, 0]] = amplitudes.iter().copied().fold(0.0, f32::max);
        let square = amplitudes.mapv(|value| value * value).mean().unwrap_or_default().sqrt();
        // Without images, or of one colour: all frequencies alike.
        let amplitudes = if square > 0.0 { amplitudes / square } else { Array2::ones((height, width)) };
        let contrast = if images.is_empty() { 1.0 } else { (squares / images.len() as f32).sqrt() };
        Ok(Self { black, white, amplitudes, colours: triangle(&covariance), contrast })
    }
}

/// The logarithm of the odds of a brightness between black (0) and white (1), whose ends are cut off.
pub(super) fn log_odds(brightness: f32) -> f32 {
    let value = brightness.clamp(EDGE, 1.0 - EDGE);
    (value / (1.0 - value)).ln()
}

/// Cholesky's factor of a covariance scaled to a mean variance of 1; the identity where there is no variance.
fn triangle(covariance: &Array2<f32>) -> Array2<f32> {
    let channels = covariance.nrows();
    let scale = covariance.diag().mean().unwrap_or_default();
    let mut lower = Array2::<f32>::eye(channels);
    if scale <= 0.0 || !scale.is_finite() {
        return lower;
    }
    for row in 0..channels {
        for column in 0..=row {
            let known: f32 = (0..column).map(|k| lower[[row, k]] * lower[[column, k]]).sum();
            let rest = covariance[[row, column]] / scale - known;
            // Colours that are the same all over leave nothing of their own.
            lower[[row, column]] = if row == column { rest.max(1e-4).sqrt() } else { rest / lower[[column, column]] };
        }
    }
    lower
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn the_triangle_times_its_transpose_is_the_scaled_covariance() {
        let covariance = arr2(&[[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]]);
        let lower = triangle(&covariance);
        let product = lower.dot(&lower.t()) * 3.0;
        assert!(product.iter().zip(&covariance).all(|(a, b)| (a - b).abs() < 1e-5), "{product}");
        assert_eq!(triangle(&Array2::zeros((2, 2))), Array2::<f32>::eye(2));
    }
}
