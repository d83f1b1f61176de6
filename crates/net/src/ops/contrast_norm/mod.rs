//! Contrast normalisation within a map.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// Contrast normalisation within a map.
///
/// `v = u * (1 + (alpha / N^2) * sum over the clipped N x N window of d^2)^(-beta)` with
/// `d = u - mean of u over the pixel's own clipped window`. The gradient takes the mean as constant.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// A window larger than the input.
///
/// # Source
/// cuda-convnet's `cnorm`.
#[derive(Clone, Debug, PartialEq)]
pub struct ContrastNormGeometry {
    /// Input shape.
    pub input: Shape,
    /// Window size N.
    pub size: usize,
    /// alpha
    pub scale: f32,
    /// beta
    pub power: f32,
}

impl ContrastNormGeometry {
    /// Shape of the output.
    pub fn output(&self) -> Result<Shape, Misfit> {
        let largest = self.input.height.min(self.input.width);
        Misfit::unless(
            (1..=largest).contains(&self.size),
            || format!("a window from 1 to the input's {largest} pixels"),
            || format!("size {}", self.size),
        )?;
        Ok(self.input)
    }
}
