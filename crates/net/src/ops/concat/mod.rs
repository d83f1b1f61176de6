//! Layers stacked along the channels.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// Inputs stacked along the channels, in the order they are named.
///
/// `y = [x_0; x_1; ...]`.
///
/// # Shapes
/// inputs `c_i x h x w`, output `(sum of c_i) x h x w`.
///
/// # Errors
/// Inputs that differ in height or width.
///
/// # Source
/// cuda-convnet2's `concat`, for maps of any size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConcatGeometry {
    /// Input shapes.
    pub inputs: Vec<Shape>,
}

impl ConcatGeometry {
    /// Shape of the output.
    pub fn output(&self) -> Result<Shape, Misfit> {
        let first = self
            .inputs
            .first()
            .copied()
            .ok_or_else(|| Misfit { expected: "at least one input".into(), found: "none".into() })?;
        for shape in &self.inputs {
            Misfit::unless(
                (shape.height, shape.width) == (first.height, first.width),
                || format!("inputs of one height and width ({first}, as the first)"),
                || format!("{shape}"),
            )?;
        }
        let channels = self.inputs.iter().map(|shape| shape.channels).sum();
        Ok(Shape::new(channels, first.height, first.width))
    }
}
