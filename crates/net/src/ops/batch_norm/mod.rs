//! Batch normalisation.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// Batch normalisation: every channel brought to mean 0 and variance 1, then scaled and shifted.
///
/// `y = (x - mean) / sqrt(variance + epsilon) * weight + bias`. While training, mean and (biased)
/// variance are those of the channel over the minibatch and all its pixels, and the gradient goes
/// through them; otherwise they are the running ones that the snapshot holds, which every step moves
/// by `running_momentum` towards the minibatch's mean and unbiased variance.
///
/// # Shapes
/// Output as input; weight, bias, `running_mean` and `running_var` `[c]`.
///
/// # Errors
/// An epsilon that is not above 0.
///
/// # Source
/// Ioffe and Szegedy, "Batch normalization", 2015; statistics and names as `PyTorch`'s `BatchNorm2d`.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNormGeometry {
    /// Input shape.
    pub input: Shape,
    /// Added to the variance.
    pub epsilon: f64,
}

impl BatchNormGeometry {
    /// Shape of the output.
    pub fn output(&self) -> Result<Shape, Misfit> {
        Misfit::unless(self.epsilon > 0.0, || "an epsilon above 0".into(), || format!("{}", self.epsilon))?;
        Ok(self.input)
    }
}
