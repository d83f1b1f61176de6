//! The operations of a network, one folder each: settings, recipe table, shape rule and documentation in its `mod.rs`, the
//! arithmetic in the device files beside it.
//!
//! A new operation is a folder of that kind and a line in the list below; `operation::Operation` says what it has to
//! answer, `cpu::CpuLayer` and `cuda::CudaLayer` what it has to compute.

pub(crate) mod cpu;
pub(crate) mod cuda;
mod grid;
mod norm;
mod operation;
mod parameter;
mod receptive_field;
mod window;

pub use grid::Grid;
pub use norm::NormWindow;
pub use operation::ShapeError;
pub use parameter::{Learning, ParameterSpec, Role};
pub use window::{Filters, Rounding};

pub use crate::device::windows::WindowAxis;

pub(crate) use operation::{Example, FromTable, Linear, Operation};
pub(crate) use receptive_field::Field;

use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;

/// Declares the operations: their modules, the enum of them all and the recipe's types.
macro_rules! operations {
    ($($(#[$doc:meta])* $module:ident :: $name:ident,)*) => {
        pub mod external;
        pub mod image;
        $(pub mod $module;)*

        pub use external::External;
        pub use image::Image;
        $(pub use $module::$name;)*

        /// A layer's operation.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Op {
            /// The image; the first layer and no other.
            Image(Image),
            /// A layer that another program computes; no recipe of a training has it.
            External(External),
            $($(#[$doc])* $name($name),)*
        }

        impl Op {
            pub(crate) fn operation(&self) -> &dyn Operation {
                match self {
                    Self::Image(op) => op,
                    Self::External(op) => op,
                    $(Self::$name(op) => op,)*
                }
            }

            /// Reads an operation from its table in the recipe; none for a `type` that there is not.
            pub(crate) fn read(kind: &str, section: &mut Section<'_>, inputs: usize) -> Result<Option<Self>, Error> {
                if kind == External::TYPE {
                    return External::read(section).map(|op| Some(Self::External(op)));
                }
                $(if $name::TYPES.contains(&kind) {
                    return $name::read(kind, section, inputs).map(|op| Some(Self::$name(op)));
                })*
                Ok(None)
            }

            /// Whether there may be more than one input.
            pub(crate) fn takes_several_inputs(&self) -> bool {
                match self {
                    Self::Image(_) => false,
                    Self::External(_) => true,
                    $(Self::$name(_) => $name::TAKES_SEVERAL_INPUTS,)*
                }
            }

            /// The `type`s that take more than one input.
            pub(crate) fn types_with_several_inputs() -> Vec<&'static str> {
                [$(if $name::TAKES_SEVERAL_INPUTS { $name::TYPES } else { &[] },)*].concat()
            }

            /// Small networks in which every operation occurs with all of its settings: layers in short
            /// ([`crate::recipe::short`]); channels, height and width of their images.
            pub fn examples() -> Vec<(&'static str, [usize; 3])> {
                [$($name::EXAMPLES,)*].concat()
            }

            /// Every `type` that a recipe can name.
            pub fn types() -> Vec<&'static str> {
                [$($name::TYPES,)*].concat()
            }
        }

        $(impl From<$name> for Op {
            fn from(op: $name) -> Self {
                Self::$name(op)
            }
        })*
    };
}

operations! {
    /// Convolution.
    conv::Conv,
    /// Convolution with its own filters at every position.
    local::Local,
    /// Fully connected.
    dense::Dense,
    /// Maximum or average over windows.
    pool::Pool,
    /// The mean of every map.
    global_avg_pool::GlobalAvgPool,
    /// A function of each value alone.
    activation::Activation,
    /// The hard swish.
    hard_swish::HardSwish,
    /// The hard sigmoid.
    hard_sigmoid::HardSigmoid,
    /// Values brought into a range.
    clip::Clip,
    /// Batch normalisation.
    batch_norm::BatchNorm,
    /// Layer normalisation over the channels.
    layer_norm::LayerNorm,
    /// Group normalisation.
    group_norm::GroupNorm,
    /// A factor and an offset a channel.
    scale::Scale,
    /// Response normalisation within a map.
    response_norm::ResponseNorm,
    /// Response normalisation across maps.
    cross_map_norm::CrossMapNorm,
    /// Contrast normalisation within a map.
    contrast_norm::ContrastNorm,
    /// Dropout.
    dropout::Dropout,
    /// Class probabilities.
    softmax::Softmax,
    /// Weighted sum of equal-sized inputs.
    add::Add,
    /// Product of two inputs.
    multiply::Multiply,
    /// A border around the maps.
    pad::Pad,
    /// A range of channels.
    slice::Slice,
    /// Channels of groups mixed.
    channel_shuffle::ChannelShuffle,
    /// A part of the maps.
    crop::Crop,
    /// Channels and pixels that change places.
    transpose::Transpose,
    /// Learnt tokens before the pixels of a map.
    class_token::ClassToken,
    /// A learnt value for every pixel and channel.
    position::Position,
    /// How much every pixel attends to every other.
    attention_weights::AttentionWeights,
    /// Sums of pixels, weighted by attention.
    attention::Attention,
    /// Inputs stacked along the channels.
    concat::Concat,
}

impl From<External> for Op {
    fn from(op: External) -> Self {
        Self::External(op)
    }
}

impl Op {
    /// The name of the operation, as recipes and the HTTP API write it.
    pub fn kind(&self) -> &'static str {
        self.operation().kind()
    }

    /// The shape of the output, for inputs of these shapes.
    ///
    /// # Errors
    /// Settings or shapes that do not fit.
    pub fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        self.operation().output(inputs)
    }

    /// What the layer does, in one line, in the terms of papers.
    pub fn describe(&self, inputs: &[Shape]) -> String {
        self.operation().describe(inputs)
    }
}
