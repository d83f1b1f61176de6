//! Weighted sum of layers.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// Weighted sum of equal-sized inputs.
///
/// `y = sum over i of coefficients[i] x_i`.
///
/// # Shapes
/// All inputs and the output alike.
///
/// # Errors
/// Inputs that differ in shape, or not one coefficient an input.
///
/// # Source
/// cuda-convnet's `eltsum`.
#[derive(Clone, Debug, PartialEq)]
pub struct AddGeometry {
    /// Input shapes.
    pub inputs: Vec<Shape>,
    /// One factor an input.
    pub coefficients: Vec<f32>,
}

impl AddGeometry {
    /// Shape of the output.
    pub fn output(&self) -> Result<Shape, Misfit> {
        Misfit::unless(
            self.coefficients.len() == self.inputs.len(),
            || format!("{} coefficients, one an input", self.inputs.len()),
            || format!("{}", self.coefficients.len()),
        )?;
        let first = self
            .inputs
            .first()
            .copied()
            .ok_or_else(|| Misfit { expected: "at least one input".into(), found: "none".into() })?;
        for shape in &self.inputs {
            Misfit::unless(
                *shape == first,
                || format!("inputs of one shape ({first}, as the first)"),
                || format!("{shape}"),
            )?;
        }
        Ok(first)
    }
}
