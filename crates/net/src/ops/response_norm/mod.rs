//! Response normalisation within a map.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// Response normalisation within a map.
///
/// `v = u * (1 + (alpha / N^2) * sum over the clipped N x N window of u^2)^(-beta)`; the window of
/// pixel i starts at `i - floor(N/2)`.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// A window larger than the input.
///
/// # Source
/// cuda-convnet's `rnorm`.
#[derive(Clone, Debug, PartialEq)]
pub struct ResponseNormGeometry {
    /// Input shape.
    pub input: Shape,
    /// Window size N.
    pub size: usize,
    /// alpha
    pub scale: f32,
    /// beta
    pub power: f32,
}

impl ResponseNormGeometry {
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
