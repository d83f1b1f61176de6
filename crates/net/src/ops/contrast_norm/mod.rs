//! Contrast normalisation within a map.

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

/// Contrast normalisation within a map.
///
/// `v = u * (1 + (alpha / N^2) * sum over the clipped N x N window of d^2)^(-beta)` with
/// `d = u - mean of u over the pixel's own clipped window`. The gradient takes the mean as constant.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// A window larger than the input.
///
/// # Source
/// cuda-convnet's `cnorm`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ContrastNorm {
    /// Window and coefficients.
    pub window: NormWindow,
}

const EXAMPLES: &[Example] = &[
    ("a conv filters=9 size=3\nb cnorm size=3 scale=0.5 power=0.5", [2, 8, 7]),
    ("a conv filters=8 size=3\nb cnorm size=2 scale=1.5 power=1.0", [2, 6, 7]),
];

impl FromTable for ContrastNorm {
    const TYPES: &'static [&'static str] = &["cnorm"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self { window: NormWindow::read(section)? })
    }
}

impl Operation for ContrastNorm {
    fn kind(&self) -> &'static str {
        "cnorm"
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
        format!("contrast normalisation over {size} x {size} within a map")
    }

    fn write(&self, table: &mut Table) {
        self.window.write(table);
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::Values)
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::ContrastNormLayer::new(*self, context))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::ContrastNormLayer::new(*self, context)?))
    }

    fn cuda_saved_maps(&self) -> usize {
        1
    }
}
