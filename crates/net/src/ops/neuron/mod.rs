//! Functions of each value alone.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::Misfit;
use crate::shape::Shape;

/// A function of one value.
///
/// | name | f(x) | derivative |
/// |---|---|---|
/// | identity | x | 1 |
/// | relu | max(0, x) | 1 if y > 0 |
/// | brelu | min(limit, max(0, x)) | 1 if 0 < y < limit |
/// | softrelu | log(1 + e^x), x where x > 4 | 1 - e^-y, 1 where y > 4 |
/// | logistic | 1 / (1 + e^-x) | y (1 - y) |
/// | tanh | a tanh(b x) | b (a - y^2 / a) |
/// | abs | \|x\| | 1 if x > 0 else -1 |
/// | square | x^2 | 2x |
/// | sqrt | sqrt(x) | 1 / (2y) |
/// | linear | a x + b | a |
/// | `leaky_relu` | x if x > 0 else slope x | 1 if y > 0 else slope |
/// | silu | x s(x), s(x) = 1 / (1 + e^-x) | s(x) (1 + x (1 - s(x))) |
/// | gelu | x P(x), P the normal distribution's, exactly or by tanh | P(x) + x P'(x) |
///
/// By tanh, `P(x) = (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2`.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// A leaky relu whose slope is below 0.
///
/// # Source
/// cuda-convnet's neurons; `softrelu` with cuda-convnet2's (correct) derivative. Hendrycks and
/// Gimpel, "Gaussian error linear units", 2016, for gelu and silu; Maas, Hannun and Ng, "Rectifier
/// nonlinearities improve neural network acoustic models", 2013, for the leaky relu.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Neuron {
    /// x
    Identity,
    /// max(0, x)
    Relu,
    /// min(limit, max(0, x))
    BoundedRelu {
        /// Largest output.
        limit: f32,
    },
    /// log(1 + e^x)
    SoftRelu,
    /// 1 / (1 + e^-x)
    Logistic,
    /// a tanh(b x)
    Tanh {
        /// Largest output.
        a: f32,
        /// Steepness.
        b: f32,
    },
    /// |x|
    Abs,
    /// x^2
    Square,
    /// sqrt(x)
    Sqrt,
    /// a x + b
    Linear {
        /// Factor.
        a: f32,
        /// Offset.
        b: f32,
    },
    /// x if x > 0 else slope x
    LeakyRelu {
        /// Factor on values below 0.
        slope: f32,
    },
    /// x / (1 + e^-x)
    Silu,
    /// x times the normal distribution's share below x
    Gelu {
        /// How that is computed.
        form: GeluForm,
    },
}

/// How a gelu computes the normal distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeluForm {
    /// By the error function.
    Exact,
    /// By a hyperbolic tangent that comes near it.
    Tanh,
}

impl Neuron {
    /// The name, as recipes write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Relu => "relu",
            Self::BoundedRelu { .. } => "brelu",
            Self::SoftRelu => "softrelu",
            Self::Logistic => "logistic",
            Self::Tanh { .. } => "tanh",
            Self::Abs => "abs",
            Self::Square => "square",
            Self::Sqrt => "sqrt",
            Self::Linear { .. } => "linear",
            Self::LeakyRelu { .. } => "leaky_relu",
            Self::Silu => "silu",
            Self::Gelu { .. } => "gelu",
        }
    }
}

/// A neuron over an activation.
#[derive(Clone, Debug, PartialEq)]
pub struct NeuronGeometry {
    /// Input shape.
    pub input: Shape,
    /// The function.
    pub neuron: Neuron,
}

impl NeuronGeometry {
    /// Shape of the output.
    pub fn output(&self) -> Result<Shape, Misfit> {
        if let Neuron::LeakyRelu { slope } = self.neuron {
            // The way back tells by the output's sign which side the input was on.
            Misfit::unless(slope >= 0.0, || "a slope of 0 or more".into(), || format!("{slope}"))?;
        }
        Ok(self.input)
    }
}
