//! Locally connected layer: convolution with its own filters at every position.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::dense::Flatten;
use super::{Example, Field, Filters, FromTable, Learning, Operation, ParameterSpec, ShapeError};
use crate::error::Error;
use crate::init::Init;
use crate::shape::Shape;
use crate::table::Section;
use toml::Table;

/// Convolution whose filters are not shared between positions.
///
/// `y[k,i,j] = b[k,i,j] + sum over c,r,s of w[i,j,k,c,r,s] x[...]`, the input's value as in [`super::Conv`].
///
/// # Shapes
/// As [`super::Conv`]; weight `[oh, ow, k, C/groups, rows, columns]`, bias `[k, oh, ow]`.
///
/// # Errors
/// As [`super::Conv`].
///
/// # Source
/// cuda-convnet's `local`.
#[derive(Clone, Debug, PartialEq)]
pub struct Local {
    /// Filters at each position, and how they slide.
    pub filters: Filters,
    /// Initialisation and learning of weights and biases.
    pub learning: Learning,
}

const EXAMPLES: &[Example] = &[
    ("a local filters=16 size=3 padding=1", [3, 5, 5]),
    ("a local filters=5 size=3 padding=1 stride=2", [9, 6, 7]),
    ("a conv filters=6 size=3\nb local filters=10 size=3 padding=2 stride=2 groups=2", [2, 7, 6]),
    (
        "a conv filters=9 size=3 padding=1 bias=false\nb local filters=4 size=3 bias=false\nc full outputs=6 bias=false",
        [3, 7, 6],
    ),
    ("a conv filters=4 size=3\nb local filters=6 size=1 stride=2", [2, 7, 8]),
];

impl FromTable for Local {
    const TYPES: &'static [&'static str] = &["local"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self { filters: Filters::read(section)?, learning: Learning::read(section, Init::He)? })
    }
}

impl Operation for Local {
    fn kind(&self) -> &'static str {
        "local"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        self.filters.output(inputs[0])
    }

    fn parameters(&self, inputs: &[Shape], output: Shape) -> Vec<ParameterSpec> {
        let Filters { filters, rows, columns, .. } = self.filters;
        let fan = self.filters.fan(inputs[0]);
        let channels = self.filters.channels(inputs[0]);
        let weight = vec![output.height, output.width, filters, channels, rows.size, columns.size];
        let bias = self.learning.bias(output.dims().to_vec(), fan);
        std::iter::once(self.learning.weight(weight, fan)).chain(bias).collect()
    }

    fn accepts_init(&self, init: Init, _: bool) -> bool {
        !matches!(init, Init::Whitening { .. })
    }

    fn receptive_field(&self, field: Field, _: Shape) -> Field {
        self.filters.receptive_field(field)
    }

    fn source_channel(&self, _: &[Shape], _: usize) -> Option<(usize, usize)> {
        None
    }

    fn describe(&self, _: &[Shape]) -> String {
        format!("{}, unshared", self.filters.describe())
    }

    fn write(&self, table: &mut Table) {
        self.filters.write(table);
        self.learning.write(table);
    }

    fn memory_needs(&self, inputs: &[Shape], output: Shape) -> MemoryNeeds {
        MemoryNeeds {
            input_halo: self.filters.windows(inputs[0], output).halo(),
            reads_unpadded: true,
            is_costly: true,
            ..MemoryNeeds::plain(OutputUse::None)
        }
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        let (input, output) = (context.inputs[0].activation.shape, context.output.activation.shape);
        Box::new(cpu::LocalLayer::new(self.filters.windows(input, output), Flatten::ChannelsFirst, context))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::LocalLayer::new(self, context)))
    }

    fn cuda_window_floats(&self, inputs: &[Shape], output: Shape) -> usize {
        self.filters.window_floats(inputs[0], output)
    }
}
