//! The mean of every map.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// The mean of every map over all its pixels.
///
/// `y[c] = 1 / (h w) * sum over i,j of x[c,i,j]`.
///
/// # Shapes
/// input `c x h x w`, output `c x 1 x 1`.
///
/// # Errors
/// None.
///
/// # Source
/// Lin, Chen and Yan, "Network in network", 2013; `PyTorch`'s `AdaptiveAvgPool2d(1)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GlobalAverageGeometry {
    /// Input shape.
    pub input: Shape,
}

impl GlobalAverageGeometry {
    /// Shape of the output.
    pub fn output(&self) -> Result<Shape, Misfit> {
        Ok(Shape::vector(self.input.channels))
    }
}
