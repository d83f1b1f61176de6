//! Fourier transforms of planes.

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// Fourier transforms of planes of one size.
pub(super) struct Fourier {
    rows: [Arc<dyn Fft<f32>>; 2],
    columns: [Arc<dyn Fft<f32>>; 2],
    height: usize,
    width: usize,
    transposed: Vec<Complex<f32>>,
}

impl Fourier {
    pub fn new(height: usize, width: usize) -> Self {
        let mut planner = FftPlanner::new();
        let rows = [planner.plan_fft_forward(width), planner.plan_fft_inverse(width)];
        let columns = [planner.plan_fft_forward(height), planner.plan_fft_inverse(height)];
        Self { rows, columns, height, width, transposed: vec![Complex::default(); height * width] }
    }

    fn transform(&mut self, plane: &mut [Complex<f32>], way: usize) {
        self.rows[way].process(plane);
        for y in 0..self.height {
            for x in 0..self.width {
                self.transposed[x * self.height + y] = plane[y * self.width + x];
            }
        }
        self.columns[way].process(&mut self.transposed);
        // Scaled to be unitary: either direction preserves norms, and is the other's adjoint.
        let scale = 1.0 / ((self.height * self.width) as f32).sqrt();
        for y in 0..self.height {
            for x in 0..self.width {
                plane[y * self.width + x] = self.transposed[x * self.height + y] * scale;
            }
        }
    }

    pub fn forward(&mut self, plane: &mut [Complex<f32>]) {
        self.transform(plane, 0);
    }

    pub fn inverse(&mut self, plane: &mut [Complex<f32>]) {
        self.transform(plane, 1);
    }
}
