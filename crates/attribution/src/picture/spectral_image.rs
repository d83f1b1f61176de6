//! An image parametrised by its Fourier coefficients.

use ndarray::{Array1, Array3, ArrayView3, Axis};
use rustfft::num_complex::Complex;

use super::corpus_spectrum::{CorpusSpectrum, log_odds};
use super::fourier::Fourier;
use deepviz_net::random::Stream;

/// The coefficients of an image, colour by colour.
#[derive(Clone, Debug)]
pub struct Coefficients(pub(super) Vec<Complex<f32>>);

/// From coefficients to what the network sees, and back with gradients.
pub(super) struct SpectralImage<'s> {
    spectrum: &'s CorpusSpectrum,
    fourier: Fourier,
    area: usize,
    channels: usize,
}

/// The image of some coefficients: the network's input, and the brightness that [`SpectralImage::gradient`] needs.
pub(super) struct Shown {
    pub input: Array3<f32>,
    /// Brightness of every value, 0 (black) to 1.
    pub brightness: Array3<f32>,
}

impl<'s> SpectralImage<'s> {
    pub fn new(spectrum: &'s CorpusSpectrum) -> Self {
        let (channels, height, width) = spectrum.black.dim();
        Self { spectrum, fourier: Fourier::new(height, width), area: height * width, channels }
    }

    pub fn coefficients(&self) -> usize {
        self.channels * self.area
    }

    /// Faint noise around grey.
    pub fn noise(&self, seed: u64) -> Coefficients {
        let stream = Stream::new(seed, &[1]);
        let value = |index: usize| {
            let part = |at: u64| 0.1 * stream.normal(at) as f32;
            Complex::new(part(2 * index as u64), part(2 * index as u64 + 1))
        };
        Coefficients((0..self.coefficients()).map(value).collect())
    }

    /// The coefficients of an image as the network sees it.
    pub fn of(&mut self, input: ArrayView3<'_, f32>) -> Coefficients {
        let CorpusSpectrum { black, white, amplitudes, colours, .. } = self.spectrum;
        let brightness = (&input - black) / (white - black);
        let mut logits = brightness.mapv(log_odds);
        // The triangular matrix that correlates the colours is inverted by forward substitution.
        for row in 0..self.channels {
            for column in 0..row {
                let (above, factor) = (logits.index_axis(Axis(0), column).to_owned(), colours[[row, column]]);
                logits.index_axis_mut(Axis(0), row).scaled_add(-factor, &above);
            }
            logits.index_axis_mut(Axis(0), row).mapv_inplace(|value| value / colours[[row, row]]);
        }
        let mut all: Vec<Complex<f32>> = logits.iter().map(|&value| Complex::new(value, 0.0)).collect();
        for plane in all.chunks_exact_mut(self.area) {
            self.fourier.forward(plane);
            // A frequency that no image has stays small.
            plane.iter_mut().zip(amplitudes).for_each(|(value, amplitude)| *value /= amplitude.max(1e-2));
        }
        Coefficients(all)
    }

    /// What the network sees of coefficients that are made smaller, where they are too large, until the picture has the
    /// contrast of the corpus' images.
    pub fn show_within_contrast(&mut self, coefficients: &mut Coefficients) -> Shown {
        let shown = self.show(coefficients);
        let squares = shown.brightness.mapv(|value| log_odds(value).powi(2));
        let contrast = squares.mean().unwrap_or_default().sqrt();
        if contrast <= self.spectrum.contrast {
            return shown;
        }
        let factor = self.spectrum.contrast / contrast;
        coefficients.0.iter_mut().for_each(|value| *value *= factor);
        self.show(coefficients)
    }

    /// What the network sees of coefficients.
    pub fn show(&mut self, coefficients: &Coefficients) -> Shown {
        let CorpusSpectrum { black, white, amplitudes, colours, .. } = self.spectrum;
        let mut planes = Vec::with_capacity(self.channels);
        for plane in coefficients.0.chunks_exact(self.area) {
            let mut plane: Vec<Complex<f32>> = plane.iter().zip(amplitudes).map(|(value, a)| value * a).collect();
            self.fourier.inverse(&mut plane);
            planes.push(Array1::from_iter(plane.into_iter().map(|value| value.re)));
        }
        let mut brightness = Array3::zeros(black.dim());
        for (row, mut out) in brightness.axis_iter_mut(Axis(0)).enumerate() {
            for (position, out) in out.iter_mut().enumerate() {
                let mixed: f32 = (0..=row).map(|column| colours[[row, column]] * planes[column][position]).sum();
                *out = 1.0 / (1.0 + (-mixed).exp());
            }
        }
        Shown { input: &brightness * &(white - black) + black, brightness }
    }

    /// The gradient with respect to the coefficients, from that with respect to the network's input.
    pub fn gradient(&mut self, shown: &Shown, by_input: ArrayView3<'_, f32>) -> Vec<Complex<f32>> {
        let CorpusSpectrum { black, white, amplitudes, colours, .. } = self.spectrum;
        let slope = shown.brightness.mapv(|value| value * (1.0 - value));
        let by_mixed = &by_input * &(white - black) * &slope;
        let mut out = Vec::with_capacity(self.coefficients());
        for column in 0..self.channels {
            let mut plane = vec![Complex::default(); self.area];
            for row in column..self.channels {
                let factor = colours[[row, column]];
                let mixed = by_mixed.index_axis(Axis(0), row);
                plane.iter_mut().zip(mixed.iter()).for_each(|(sum, value)| sum.re += factor * value);
            }
            // The transpose of the inverse, of which the real part is taken, is the forward transform.
            self.fourier.forward(&mut plane);
            out.extend(plane.iter().zip(amplitudes).map(|(value, amplitude)| value * amplitude));
        }
        out
    }
}
