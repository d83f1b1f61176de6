//! Fully connected layer.

pub(crate) mod cuda;
mod flatten;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{AxisOrder, CudaContext, CudaLayer};
use super::local::cpu::LocalLayer;
use super::{Example, Field, FromTable, Learning, Operation, ParameterSpec, Role, ShapeError};
use crate::device::windows::{WindowAxis, Windows};
use crate::error::Error;
use crate::init::{Fan, Init};
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::{put, whole, word};
use flatten::FLATTENS;
pub use flatten::Flatten;
use std::borrow::Cow;
use toml::Table;

/// Fully connected: every output sees every input.
///
/// `y[k] = b[k] + sum over i of w[k,i] x[i]`, inputs in the order of [`Flatten`].
///
/// # Shapes
/// input `c x h x w`; weight `[outputs, c*h*w]`; bias `[outputs]`; output `outputs x 1 x 1`.
///
/// # Errors
/// No outputs.
///
/// # Source
/// cuda-convnet's `fc`, its weight transposed as `PyTorch` lays it.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    /// Number of outputs.
    pub outputs: usize,
    /// Order of the inputs in the weights.
    pub flatten: Flatten,
    /// Initialisation and learning of weights and biases.
    pub learning: Learning,
}

impl Dense {
    /// So many outputs of inputs in channel, row, column order.
    pub const fn new(outputs: usize, learning: Learning) -> Self {
        Self { outputs, flatten: Flatten::ChannelsFirst, learning }
    }
}

const EXAMPLES: &[Example] = &[
    ("a full outputs=20", [3, 4, 5]),
    ("a conv filters=5 size=3 padding=1\nb full outputs=33\nc relu\nd full outputs=9", [3, 4, 5]),
    ("a conv filters=5 size=3 padding=1\nb full outputs=9 flatten=\"channels_last\"", [3, 4, 5]),
];

impl FromTable for Dense {
    const TYPES: &'static [&'static str] = &["full"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self {
            outputs: section.required("outputs")?,
            flatten: section.choice("flatten", &FLATTENS)?.unwrap_or_default(),
            learning: Learning::read(section, Init::He)?,
        })
    }
}

impl Operation for Dense {
    fn kind(&self) -> &'static str {
        "full"
    }

    fn output(&self, _: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::ensure(self.outputs > 0, || "at least one output".into(), || "outputs 0".into())?;
        Ok(Shape::vector(self.outputs))
    }

    fn parameters(&self, inputs: &[Shape], _: Shape) -> Vec<ParameterSpec> {
        let fan = Fan { inputs: inputs[0].len(), outputs: self.outputs };
        let bias = self.learning.bias(vec![self.outputs], fan);
        std::iter::once(self.learning.weight(vec![self.outputs, fan.inputs], fan)).chain(bias).collect()
    }

    fn receptive_field(&self, _: Field, input: Shape) -> Field {
        Field::whole(input)
    }

    fn source_channel(&self, _: &[Shape], _: usize) -> Option<(usize, usize)> {
        None
    }

    fn describe(&self, inputs: &[Shape]) -> String {
        format!("{} outputs, each of all {} inputs", self.outputs, inputs[0].len())
    }

    fn write(&self, table: &mut Table) {
        put(table, "outputs", whole(self.outputs));
        put(table, "flatten", word(&FLATTENS, &self.flatten));
        self.learning.write(table);
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds { reads_unpadded: true, is_costly: true, ..MemoryNeeds::plain(OutputUse::None) }
    }

    /// One window over the whole input.
    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        let input = context.inputs[0].activation.shape;
        let windows = Windows {
            input,
            output: Shape::vector(self.outputs),
            rows: WindowAxis::new(input.height),
            columns: WindowAxis::new(input.width),
            groups: 1,
        };
        Box::new(LocalLayer::new(windows, self.flatten, context))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::DenseLayer { inputs: context.inputs[0].len(), outputs: self.outputs }))
    }

    /// One filter per output, in the shape of the input.
    fn kernel_dims(&self, inputs: &[Shape], _: &ParameterSpec) -> Option<[usize; 4]> {
        let [channels, height, width] = inputs[0].dims();
        Some([self.outputs, channels, height, width])
    }

    fn kernel_values<'v>(&self, [_, channels, height, width]: [usize; 4], values: &'v [f32]) -> Cow<'v, [f32]> {
        let input = Shape::new(channels, height, width);
        self.flatten.to_channels_first(input, values)
    }

    /// The inputs of an output are a map, channels last on the device.
    fn device_order(&self, inputs: &[Shape], spec: &ParameterSpec) -> AxisOrder {
        match spec.role {
            Role::Weight => {
                let [channels, height, width] = inputs[0].dims();
                match self.flatten {
                    Flatten::ChannelsFirst => {
                        AxisOrder { shape: vec![self.outputs, channels, height, width], axes: vec![0, 2, 3, 1] }
                    }
                    Flatten::ChannelsLast => AxisOrder::of(&spec.shape, Role::Bias),
                }
            }
            role => AxisOrder::of(&spec.shape, role),
        }
    }
}
