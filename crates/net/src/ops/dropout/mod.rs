//! Dropout.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// Dropout: while training, values are set to 0 at random; otherwise all are as much smaller.
///
/// Training: `y = x m` with `m` 1 with probability `1 - rate`, else 0. Otherwise `y = (1 - rate) x`.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// A rate outside `[0, 1)`.
///
/// # Source
/// cuda-convnet2's `dropout2`, and `dropout` of a fork of the first cuda-convnet.
#[derive(Clone, Debug, PartialEq)]
pub struct DropoutGeometry {
    /// Input shape.
    pub input: Shape,
    /// Probability of a value to be dropped.
    pub rate: f32,
}

impl DropoutGeometry {
    /// Shape of the output.
    pub fn output(&self) -> Result<Shape, Misfit> {
        Misfit::unless(
            (0.0..1.0).contains(&self.rate),
            || "a rate from 0 to below 1".into(),
            || format!("{}", self.rate),
        )?;
        Ok(self.input)
    }
}
