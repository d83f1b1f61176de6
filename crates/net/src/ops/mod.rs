//! The operations of a network, one folder each: geometry, shape rule, documentation and tests in
//! its `mod.rs`, the arithmetic in the device files beside it.

pub mod add;
pub mod batch_norm;
pub mod concat;
pub mod contrast_norm;
pub mod conv;
pub mod cross_map_norm;
pub mod dropout;
pub mod full;
pub mod global_average;
pub mod local;
pub mod neuron;
pub mod pool;
pub mod response_norm;
pub mod softmax;

pub use add::AddGeometry;
pub use batch_norm::BatchNormGeometry;
pub use concat::ConcatGeometry;
pub use contrast_norm::ContrastNormGeometry;
pub use conv::ConvGeometry;
pub use cross_map_norm::CrossMapNormGeometry;
pub use dropout::DropoutGeometry;
pub use full::FullGeometry;
pub use global_average::GlobalAverageGeometry;
pub use local::LocalGeometry;
pub use neuron::{GeluForm, Neuron, NeuronGeometry};
pub use pool::{PoolGeometry, PoolKind, Ties};
pub use response_norm::ResponseNormGeometry;
pub use softmax::SoftmaxGeometry;

use crate::shape::Shape;

/// Why an operation cannot take its input: a rule and what broke it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// What the operation needs.
    pub expected: String,
    /// What it was given.
    pub found: String,
}

impl Misfit {
    pub(crate) fn unless(
        holds: bool,
        expected: impl FnOnce() -> String,
        found: impl FnOnce() -> String,
    ) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self { expected: expected(), found: found() }) }
    }
}

/// One layer's operation, with everything its arithmetic needs to know.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The preprocessed image.
    Input(Shape),
    /// Convolution.
    Conv(ConvGeometry),
    /// Convolution with its own filters at every position.
    Local(LocalGeometry),
    /// Fully connected.
    Full(FullGeometry),
    /// Maximum or average over windows.
    Pool(PoolGeometry),
    /// The mean of every map.
    GlobalAverage(GlobalAverageGeometry),
    /// A function of each value alone.
    Neuron(NeuronGeometry),
    /// Batch normalisation.
    BatchNorm(BatchNormGeometry),
    /// Response normalisation within a map.
    ResponseNorm(ResponseNormGeometry),
    /// Response normalisation across maps.
    CrossMapNorm(CrossMapNormGeometry),
    /// Contrast normalisation within a map.
    ContrastNorm(ContrastNormGeometry),
    /// Dropout.
    Dropout(DropoutGeometry),
    /// Class probabilities.
    Softmax(SoftmaxGeometry),
    /// Weighted sum of equal-sized inputs.
    Add(AddGeometry),
    /// Inputs stacked along the channels.
    Concat(ConcatGeometry),
}

impl Op {
    /// The name of the operation, as recipes and the interface write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Input(_) => "data",
            Self::Conv(_) => "conv",
            Self::Local(_) => "local",
            Self::Full(_) => "full",
            Self::Pool(_) => "pool",
            Self::GlobalAverage(_) => "global_average",
            Self::Neuron(geometry) => geometry.neuron.name(),
            Self::BatchNorm(_) => "batch_norm",
            Self::ResponseNorm(_) => "rnorm",
            Self::CrossMapNorm(_) => "cmrnorm",
            Self::ContrastNorm(_) => "cnorm",
            Self::Dropout(_) => "dropout",
            Self::Softmax(_) => "softmax",
            Self::Add(_) => "add",
            Self::Concat(_) => "concat",
        }
    }

    /// The shape the operation puts out.
    pub fn output(&self) -> Result<Shape, Misfit> {
        match self {
            Self::Input(shape) => Ok(*shape),
            Self::Conv(geometry) => geometry.output(),
            Self::Local(geometry) => geometry.output(),
            Self::Full(geometry) => geometry.output(),
            Self::Pool(geometry) => geometry.output(),
            Self::GlobalAverage(geometry) => geometry.output(),
            Self::Neuron(geometry) => geometry.output(),
            Self::BatchNorm(geometry) => geometry.output(),
            Self::ResponseNorm(geometry) => geometry.output(),
            Self::CrossMapNorm(geometry) => geometry.output(),
            Self::ContrastNorm(geometry) => geometry.output(),
            Self::Dropout(geometry) => geometry.output(),
            Self::Softmax(geometry) => geometry.output(),
            Self::Add(geometry) => geometry.output(),
            Self::Concat(geometry) => geometry.output(),
        }
    }
}
