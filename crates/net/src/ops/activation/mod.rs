//! Activation functions: of each value alone.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, InPlaceLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Operation, Role, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::{put, short, word};
use std::sync::Arc;
use toml::Table;

const GELU_FORMS: [(&str, GeluForm); 2] = [("exact", GeluForm::Exact), ("tanh", GeluForm::Tanh)];

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
/// | linear (affine, not `PyTorch`'s `nn.Linear`) | a x + b | a |
/// | `leaky_relu` | x if x > 0 else slope x | 1 if y > 0 else slope |
/// | silu | x s(x), s(x) = 1 / (1 + e^-x) | s(x) (1 + x (1 - s(x))) |
/// | gelu | x P(x), P the normal distribution's CDF, exactly or by tanh | P(x) + x P'(x) |
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
/// cuda-convnet's layer type `neuron`; `softrelu` with cuda-convnet2's (correct) derivative. Hendrycks and
/// Gimpel, "Gaussian error linear units", 2016, for gelu and silu; Maas, Hannun and Ng, "Rectifier
/// nonlinearities improve neural network acoustic models", 2013, for the leaky relu.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
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
    /// a x + b of each value: affine, not `PyTorch`'s `nn.Linear`, which is `full`
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
    /// x times the normal distribution's cumulative distribution function at x
    Gelu {
        /// How that is computed.
        form: GeluForm,
    },
}

/// How a gelu computes the normal distribution's CDF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GeluForm {
    /// By the error function.
    Exact,
    /// By a hyperbolic tangent that comes near it.
    Tanh,
}

impl Activation {
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

const EXAMPLES: &[Example] = &[
    ("a conv filters=5 size=3\nb logistic", [2, 6, 5]),
    ("a conv filters=8 size=3\nb tanh a=1.7 b=0.6", [2, 6, 5]),
    ("a conv filters=5 size=3\nb softrelu", [2, 6, 5]),
    ("a conv filters=5 size=3\nb brelu limit=0.4", [2, 6, 5]),
    ("a conv filters=5 size=3\nb abs", [2, 6, 5]),
    ("a conv filters=5 size=3\nb square", [2, 6, 5]),
    ("a conv filters=5 size=3\nb linear a=-1.5 b=0.5", [2, 6, 5]),
    ("a conv filters=5 size=3\nb identity", [2, 6, 5]),
    ("a linear a=1.0 b=0.1\nb sqrt", [3, 4, 4]),
    ("a conv filters=5 size=3\nb leaky_relu slope=0.2", [2, 6, 5]),
    ("a conv filters=5 size=3\nb gelu", [2, 6, 5]),
    ("a conv filters=8 size=3\nb gelu form=\"tanh\"", [2, 6, 5]),
];

impl FromTable for Activation {
    const TYPES: &'static [&'static str] = &[
        "relu",
        "leaky_relu",
        "gelu",
        "silu",
        "brelu",
        "softrelu",
        "logistic",
        "tanh",
        "abs",
        "square",
        "sqrt",
        "linear",
        "identity",
    ];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(kind: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(match kind {
            "relu" => Self::Relu,
            "leaky_relu" => Self::LeakyRelu { slope: section.or("slope", 0.01)? as f32 },
            "gelu" => Self::Gelu { form: section.choice("form", &GELU_FORMS)?.unwrap_or(GeluForm::Exact) },
            "silu" => Self::Silu,
            "brelu" => Self::BoundedRelu { limit: section.required::<f64>("limit")? as f32 },
            "softrelu" => Self::SoftRelu,
            "logistic" => Self::Logistic,
            "tanh" => Self::Tanh { a: section.or("a", 1.0)? as f32, b: section.or("b", 1.0)? as f32 },
            "abs" => Self::Abs,
            "square" => Self::Square,
            "sqrt" => Self::Sqrt,
            "linear" => Self::Linear { a: section.or("a", 1.0)? as f32, b: section.or("b", 0.0)? as f32 },
            "identity" => Self::Identity,
            other => return Err(Error::internal(format!("no activation `{other}`"))),
        })
    }
}

impl Operation for Activation {
    fn kind(&self) -> &'static str {
        self.name()
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        if let Self::LeakyRelu { slope } = self {
            // The backward pass tells by the output's sign which side the input was on.
            ShapeError::ensure(*slope >= 0.0, || "a slope of 0 or more".into(), || format!("{slope}"))?;
        }
        Ok(inputs[0])
    }

    fn is_nonlinearity(&self) -> bool {
        !matches!(self, Self::Identity | Self::Linear { .. })
    }

    fn is_rectifier(&self) -> bool {
        matches!(self, Self::Relu | Self::BoundedRelu { .. })
    }

    fn channel_gain(&self, _: &dyn Fn(Role) -> Option<f32>) -> f32 {
        match self {
            Self::Linear { a, .. } => *a,
            _ => 1.0,
        }
    }

    fn is_channelwise(&self) -> bool {
        true
    }

    fn describe(&self, _: &[Shape]) -> String {
        self.name().to_owned()
    }

    fn write(&self, table: &mut Table) {
        match *self {
            Self::BoundedRelu { limit } => put(table, "limit", short(limit)),
            Self::LeakyRelu { slope } => put(table, "slope", short(slope)),
            Self::Gelu { form } => put(table, "form", word(&GELU_FORMS, &form)),
            Self::Tanh { a, b } | Self::Linear { a, b } => {
                put(table, "a", short(a));
                put(table, "b", short(b));
            }
            Self::Identity
            | Self::Relu
            | Self::SoftRelu
            | Self::Logistic
            | Self::Abs
            | Self::Square
            | Self::Sqrt
            | Self::Silu => {}
        }
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::Values)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cpu_in_place(&self) -> Option<Arc<dyn InPlaceLayer>> {
        self.is_in_place().then(|| Arc::new(*self) as Arc<dyn InPlaceLayer>)
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::ActivationLayer { activation: *self, values: context.output.len() }))
    }
}
