//! Response normalisation within a map.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::norm::NormWindow;
use super::{Example, Field, FromTable, Linear, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use toml::Table;

/// Response normalisation within a map.
///
/// `v = u * (1 + (alpha / N^2) * sum over the clipped N x N window of u^2)^(-beta)`; the window of
/// pixel i starts at `i - floor(N/2)`.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// A window larger than the input.
///
/// # Source
/// cuda-convnet's `rnorm`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResponseNorm {
    /// Window and coefficients.
    pub window: NormWindow,
}

const EXAMPLES: &[Example] = &[
    ("a conv filters=9 size=3\nb rnorm size=3 scale=0.5 power=0.75", [2, 8, 7]),
    ("a conv filters=8 size=3\nb rnorm size=4 scale=2.0 power=0.6", [2, 8, 7]),
];

impl FromTable for ResponseNorm {
    const TYPES: &'static [&'static str] = &["rnorm"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self { window: NormWindow::read(section)? })
    }
}

impl Operation for ResponseNorm {
    fn kind(&self) -> &'static str {
        "rnorm"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        self.window.fits(inputs[0].height.min(inputs[0].width), "pixels")?;
        Ok(inputs[0])
    }

    fn receptive_field(&self, field: Field, _: Shape) -> Field {
        field.through_windows(self.window.axis(), self.window.axis())
    }

    fn linear(&self) -> Linear {
        Linear::Input
    }

    fn describe(&self, _: &[Shape]) -> String {
        let size = self.window.size;
        format!("response normalisation over {size} x {size} within a map")
    }

    fn write(&self, table: &mut Table) {
        self.window.write(table);
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::Values)
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::ResponseNormLayer::new(*self, context))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::ResponseNormLayer::new(*self, context)?))
    }

    fn cuda_saved_maps(&self) -> usize {
        1
    }
}
