//! Convolution (correlation: filters are not flipped).

pub(crate) mod cpu;
pub(crate) mod cuda;
mod examples;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, Field, Filters, FromTable, Learning, Operation, ParameterSpec, ShapeError};
use crate::error::Error;
use crate::init::Init;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::put;
use examples::EXAMPLES;
use toml::Table;

/// Convolution of an input with filters.
///
/// `y[k,i,j] = b[k] + sum over c,r,s of w[k,c,r,s] x[g(k)C/G + c, i*stride + r*dilation - before, j*stride + s*dilation -
/// before]`, values outside the input being 0, size, stride, dilation and padding each that of its axis; `g(k)` is the
/// group of filter `k`.
///
/// # Shapes
/// input `C x h x w`; weight `[k, C/groups, rows, columns]`; bias `[k]`, or `[k, oh, ow]` where it is
/// not shared; output `k x oh x ow` with `oh = 1 + (before + h + after - span) / stride`, rounded as [`super::Rounding`]
/// says, `span = (rows - 1) dilation + 1`; less where a stride over the span would put the last window wholly behind the
/// input.
///
/// # Errors
/// Filters larger than the padded input, a padding that a filter does not reach over, a stride or dilation of 0, or
/// channels and filters that the groups do not divide.
///
/// # Source
/// cuda-convnet's `conv`, where the last window hangs over the border if the stride does not fit; `PyTorch`'s `Conv2d`
/// with [`super::Rounding::Down`].
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    /// Filters and how they slide.
    pub filters: Filters,
    /// One bias per filter, not one per filter and position.
    pub shared_bias: bool,
    /// Initialisation and learning of weights and biases.
    pub learning: Learning,
}

impl FromTable for Conv {
    const TYPES: &'static [&'static str] = &["conv"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self {
            filters: Filters::read(section)?,
            shared_bias: section.or("shared_bias", true)?,
            learning: Learning::read(section, Init::He)?,
        })
    }
}

impl Operation for Conv {
    fn kind(&self) -> &'static str {
        "conv"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        self.filters.output(inputs[0])
    }

    fn parameters(&self, inputs: &[Shape], output: Shape) -> Vec<ParameterSpec> {
        let Filters { filters, rows, columns, .. } = self.filters;
        let fan = self.filters.fan(inputs[0]);
        let weight = vec![filters, self.filters.channels(inputs[0]), rows.size, columns.size];
        let bias = if self.shared_bias { vec![output.channels] } else { output.dims().to_vec() };
        std::iter::once(self.learning.weight(weight, fan)).chain(self.learning.bias(bias, fan)).collect()
    }

    fn weight_uses(&self, output: Shape) -> usize {
        output.height * output.width
    }

    fn accepts_init(&self, init: Init, on_image: bool) -> bool {
        !matches!(init, Init::Whitening { .. }) || (on_image && self.filters.groups == 1)
    }

    fn receptive_field(&self, field: Field, _: Shape) -> Field {
        self.filters.receptive_field(field)
    }

    fn source_channel(&self, _: &[Shape], _: usize) -> Option<(usize, usize)> {
        None
    }

    fn weights_of_channel(&self, inputs: &[Shape], weights: &[f32], channel: usize) -> Option<Vec<f32>> {
        let Filters { rows, columns, groups, .. } = self.filters;
        let (kernel, channels) = (rows.size * columns.size, inputs[0].channels);
        (groups == 1).then(|| {
            let of_filter = weights.chunks_exact(channels * kernel);
            of_filter.flat_map(|filter| filter[channel * kernel..][..kernel].iter().copied()).collect()
        })
    }

    fn describe(&self, _: &[Shape]) -> String {
        self.filters.describe()
    }

    fn write(&self, table: &mut Table) {
        self.filters.write(table);
        put(table, "shared_bias", self.shared_bias);
        self.learning.write(table);
    }

    fn memory_needs(&self, inputs: &[Shape], output: Shape) -> MemoryNeeds {
        let windows = self.filters.windows(inputs[0], output);
        MemoryNeeds {
            input_halo: windows.halo(),
            gradient_halo: cpu::gradient_halo(&windows),
            reads_unpadded: true,
            output_use: OutputUse::None,
            is_costly: true,
        }
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::ConvLayer::new(self, context))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::ConvLayer::new(self, context)))
    }

    fn cuda_window_floats(&self, inputs: &[Shape], output: Shape) -> usize {
        self.filters.window_floats(inputs[0], output)
    }
}
