//! Response normalisation across maps.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::norm::NormWindow;
use super::{Example, FromTable, Linear, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::put;
use toml::Table;

/// Response normalisation across maps.
///
/// `v[f] = u[f] * (1 + (alpha / N) * sum over f' in W(f) of u[f']^2)^(-beta)`, W(f) being the N maps
/// from `f - floor(N/2)` on, clipped; or, blocked, the N maps from `floor(f/N) N` on.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// A window larger than the number of channels.
///
/// # Source
/// cuda-convnet's `cmrnorm`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossMapNorm {
    /// Window and coefficients.
    pub window: NormWindow,
    /// Windows that are fixed blocks of maps, not centred on the map.
    pub blocked: bool,
}

const EXAMPLES: &[Example] = &[
    ("a conv filters=13 size=3\nb cmrnorm size=5 scale=0.8 power=0.75", [2, 5, 6]),
    ("a conv filters=16 size=3\nb cmrnorm size=4 scale=0.8 power=0.9", [2, 5, 6]),
    ("a conv filters=14 size=3\nb cmrnorm size=4 scale=0.8 power=0.75 blocked=true", [2, 5, 6]),
    ("a cmrnorm size=3 scale=1.0 power=0.5\nb conv filters=4 size=3 padding=1", [3, 5, 6]),
];

impl FromTable for CrossMapNorm {
    const TYPES: &'static [&'static str] = &["cmrnorm"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self { window: NormWindow::read(section)?, blocked: section.or("blocked", false)? })
    }
}

impl Operation for CrossMapNorm {
    fn kind(&self) -> &'static str {
        "cmrnorm"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        self.window.fits(inputs[0].channels, "channels")?;
        Ok(inputs[0])
    }

    fn linear(&self) -> Linear {
        Linear::Input
    }

    fn describe(&self, _: &[Shape]) -> String {
        format!("response normalisation across {} maps", self.window.size)
    }

    fn write(&self, table: &mut Table) {
        self.window.write(table);
        put(table, "blocked", self.blocked);
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::Values)
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::CrossMapNormLayer::new(*self, context))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::CrossMapNormLayer::new(*self, context)?))
    }

    fn cuda_saved_maps(&self) -> usize {
        1
    }
}
