//! Class probabilities.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// Softmax over the classes; the loss is the logistic loss `-log p[label]`.
///
/// `p[k] = e^(x[k] - max x) / sum over j of e^(x[j] - max x)`.
///
/// # Shapes
/// input and output `classes x 1 x 1`.
///
/// # Errors
/// An input that is not one value a class.
///
/// # Source
/// cuda-convnet's `softmax` and `cost.logreg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoftmaxGeometry {
    /// Input shape.
    pub input: Shape,
    /// Classes of the corpus.
    pub classes: usize,
}

impl SoftmaxGeometry {
    /// Shape of the output.
    pub fn output(&self) -> Result<Shape, Misfit> {
        Misfit::unless(
            self.input == Shape::vector(self.classes),
            || format!("one input a class ({0}x1x1 for {0} classes)", self.classes),
            || format!("an input of {}", self.input),
        )?;
        Ok(self.input)
    }
}
