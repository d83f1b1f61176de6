//! Functions of each value alone.

pub(crate) mod cpu;

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
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// None.
///
/// # Source
/// cuda-convnet's neurons; `softrelu` with cuda-convnet2's (correct) derivative.
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
