//! Fully connected layer.

pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// Fully connected: every output sees every input.
///
/// `y[k] = b[k] + sum over i of w[k,i] x[i]`, inputs in channel, row, column order.
///
/// # Shapes
/// input `c x h x w`; weight `[outputs, c*h*w]`; bias `[outputs]`; output `outputs x 1 x 1`.
///
/// # Errors
/// No outputs.
///
/// # Source
/// cuda-convnet's `fc`, its weight transposed as `PyTorch` lays it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullGeometry {
    /// Input shape.
    pub input: Shape,
    /// Number of outputs.
    pub outputs: usize,
}

impl FullGeometry {
    /// Shape of the output.
    pub fn output(&self) -> Result<Shape, Misfit> {
        Misfit::unless(self.outputs > 0, || "at least one output".into(), || "outputs 0".into())?;
        Ok(Shape::vector(self.outputs))
    }
}
