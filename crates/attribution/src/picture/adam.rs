//! Steps by Adam.

use rustfft::num_complex::Complex;

/// Decay of the means of gradients and of their squares; what keeps the division finite.
const DECAY: f32 = 0.9;
const SQUARE_DECAY: f32 = 0.99;
const EPSILON: f32 = 1e-8;

/// The state of Adam over complex coefficients: real and imaginary parts are values of their own.
///
/// # Source
/// Kingma and Ba, *Adam: a method for stochastic optimization*, 2015.
pub(super) struct Adam {
    means: Vec<Complex<f32>>,
    squares: Vec<Complex<f32>>,
    steps: i32,
}

impl Adam {
    pub fn new(length: usize) -> Self {
        Self { means: vec![Complex::default(); length], squares: vec![Complex::default(); length], steps: 0 }
    }

    /// Moves the coefficients along the gradient: uphill with a positive rate.
    pub fn step(&mut self, coefficients: &mut [Complex<f32>], gradient: &[Complex<f32>], rate: f32) {
        self.steps += 1;
        let (mean_scale, square_scale) = (1.0 - DECAY.powi(self.steps), 1.0 - SQUARE_DECAY.powi(self.steps));
        let part = |mean: &mut f32, square: &mut f32, gradient: f32| {
            *mean = DECAY * *mean + (1.0 - DECAY) * gradient;
            *square = SQUARE_DECAY * *square + (1.0 - SQUARE_DECAY) * gradient * gradient;
            rate * (*mean / mean_scale) / ((*square / square_scale).sqrt() + EPSILON)
        };
        let states = self.means.iter_mut().zip(&mut self.squares);
        for ((value, gradient), (mean, square)) in coefficients.iter_mut().zip(gradient).zip(states) {
            value.re += part(&mut mean.re, &mut square.re, gradient.re);
            value.im += part(&mut mean.im, &mut square.im, gradient.im);
        }
    }
}
