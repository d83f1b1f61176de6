//! What every operation says about itself, whatever computes it.

use super::cpu::{CpuContext, CpuLayer, InPlaceLayer, MemoryNeeds};
use super::cuda::{AxisOrder, CudaContext, CudaLayer};
use super::grid::Grid;
use super::parameter::{ParameterSpec, Role};
use super::receptive_field::Field;
use crate::error::Error;
use crate::init::Init;
use crate::shape::Shape;
use crate::table::Section;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use toml::Table;

/// Why an operation cannot take its inputs: a rule and what broke it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShapeError {
    /// What the operation needs.
    pub expected: String,
    /// What it was given.
    pub found: String,
}

impl ShapeError {
    /// An error unless the rule holds.
    pub(crate) fn ensure(
        holds: bool,
        expected: impl FnOnce() -> String,
        found: impl FnOnce() -> String,
    ) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self { expected: expected(), found: found() }) }
    }
}

/// What stands for an operation where a network is linearised ([`crate::Network::linearised`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Linear {
    /// Itself: it is linear or affine.
    Itself,
    /// The identity: for a nonlinearity, or for a normalisation by an image's own values.
    Input,
    /// The average of the values whose maximum it takes.
    Average,
    /// Nothing: a product of inputs, or what another program computes.
    Unknown,
}

/// A layer's operation: its settings, and everything that follows from them and the shapes of its inputs. There is at
/// least one input, and exactly one unless [`FromTable::TAKES_SEVERAL_INPUTS`].
pub(crate) trait Operation: fmt::Debug + Send + Sync {
    /// The type's name in recipes, in the API and in the dashboard.
    fn kind(&self) -> &'static str;

    /// Shape of the output.
    ///
    /// # Errors
    /// Settings or shapes that do not fit.
    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError>;

    /// The arrays it learns, then its running statistics; names without the layer's name.
    fn parameters(&self, _inputs: &[Shape], _output: Shape) -> Vec<ParameterSpec> {
        Vec::new()
    }

    /// How often an image uses each of its weights.
    fn weight_uses(&self, _output: Shape) -> usize {
        1
    }

    /// Whether a parameter may be initialised so. `on_image` says that the input is the image itself.
    fn accepts_init(&self, init: Init, _on_image: bool) -> bool {
        !init.is_for_filters()
    }

    /// The pixels of an input of that shape on which the output's pixels in `field` depend; may reach past its edges.
    fn receptive_field(&self, field: Field, _input: Shape) -> Field {
        field
    }

    /// Which values of a channel of the output are a map of the image; none where they have no place in the image. Each
    /// input is given with its own grid.
    fn grid(&self, inputs: &[(Shape, Option<Grid>)], output: Shape) -> Option<Grid> {
        Grid::from_inputs(inputs, output)
    }

    /// Whether every pixel of the output depends on every pixel of an input, while pixels stay where they are.
    fn mixes_pixels(&self) -> bool {
        false
    }

    /// The input, by its place among them, and the channel of it that a channel of the output is made of; none where the
    /// output mixes several.
    fn source_channel(&self, inputs: &[Shape], channel: usize) -> Option<(usize, usize)> {
        (inputs.len() == 1).then_some((0, channel))
    }

    /// The factor of an input in a sum of inputs; none where they are not added up.
    fn input_factor(&self, _input: usize) -> Option<f32> {
        None
    }

    /// Whether it is a function of each value alone that is not linear.
    fn is_nonlinearity(&self) -> bool {
        false
    }

    /// Whether each channel of the output follows from the same channel of its only input, and from no other.
    fn is_channelwise(&self) -> bool {
        false
    }

    /// Where the output is a sum over the channels of its only input: the part of the weights that one of these is
    /// multiplied by, in the order of the weights of the same operation on that channel alone.
    fn weights_of_channel(&self, _inputs: &[Shape], _weights: &[f32], _channel: usize) -> Option<Vec<f32>> {
        None
    }

    /// Whether it lets positive values pass and makes negative ones zero: what guided backpropagation and deconvolution
    /// networks change the gradient of.
    fn is_rectifier(&self) -> bool {
        false
    }

    /// Whether another program computes it, so that what its weights mean is not known.
    fn is_opaque(&self) -> bool {
        false
    }

    /// What stands for it where the network is linearised.
    fn linear(&self) -> Linear {
        match (self.is_opaque(), self.is_nonlinearity()) {
            (true, _) => Linear::Unknown,
            (_, true) => Linear::Input,
            _ => Linear::Itself,
        }
    }

    /// The factor between a channel of the input and that of the output; `value` gives the channel's value in the array of
    /// a role.
    fn channel_gain(&self, _value: &dyn Fn(Role) -> Option<f32>) -> f32 {
        1.0
    }

    /// What it does, in one line, in the terms of papers.
    fn describe(&self, inputs: &[Shape]) -> String;

    /// Writes its settings into its table of the recipe, defaults too.
    fn write(&self, _table: &mut Table) {}

    /// What the plan of the CPU's memory needs to know.
    fn memory_needs(&self, inputs: &[Shape], output: Shape) -> MemoryNeeds;

    /// The layer on the CPU.
    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer>;

    /// The layer as one that overwrites its input, if it can be.
    fn cpu_in_place(&self) -> Option<Arc<dyn InPlaceLayer>> {
        None
    }

    /// The layer on a GPU, with the memory it needs for so many images.
    ///
    /// # Errors
    /// Too little memory.
    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error>;

    /// Floats of one image's windows laid out as a matrix (im2col) on a GPU.
    fn cuda_window_floats(&self, _inputs: &[Shape], _output: Shape) -> usize {
        0
    }

    /// Arrays of the output's size that a GPU keeps for the backward pass, beside output and gradient.
    fn cuda_saved_maps(&self) -> usize {
        0
    }

    /// The weights as filters x channels x height x width, to be shown as images; none where they are no maps.
    fn kernel_dims(&self, _inputs: &[Shape], weight: &ParameterSpec) -> Option<[usize; 4]> {
        match *weight.shape.as_slice() {
            [k, c, r, s] => Some([k, c, r, s]),
            // The filters of every position, by rows.
            [oh, ow, k, c, r, s] => Some([oh * ow * k, c, r, s]),
            _ => None,
        }
    }

    /// The weights' values in the order of [`Operation::kernel_dims`].
    fn kernel_values<'v>(&self, _dims: [usize; 4], values: &'v [f32]) -> Cow<'v, [f32]> {
        Cow::Borrowed(values)
    }

    /// The order in which a GPU wants a parameter's values.
    fn device_order(&self, _inputs: &[Shape], spec: &ParameterSpec) -> AxisOrder {
        AxisOrder::of(&spec.shape, spec.role)
    }
}

/// A small network in short, one layer per line: `name type key=value ...`; and channels, height and width of its images.
pub(crate) type Example = (&'static str, [usize; 3]);

/// How an operation is read from its table of a recipe.
pub(crate) trait FromTable: Sized {
    /// Values of `type`, of which most operations have one.
    const TYPES: &'static [&'static str];

    /// Whether there may be more than one input.
    const TAKES_SEVERAL_INPUTS: bool = false;

    /// Small networks in which every type and setting occurs: what tests and `deepviz doctor` compute.
    const EXAMPLES: &'static [Example];

    /// Reads the settings; `kind` is one of [`FromTable::TYPES`].
    ///
    /// # Errors
    /// Keys that are missing or have values that are not allowed, with file and line.
    fn read(kind: &str, section: &mut Section<'_>, inputs: usize) -> Result<Self, Error>;
}
