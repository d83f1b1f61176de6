//! Dropout.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Operation, Role, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::put;
use toml::Table;

/// Dropout: while training, values are set to 0 at random; otherwise all are multiplied by the probability to be kept.
///
/// Training: `y = x m` with `m` 1 with probability `1 - rate`, else 0. Otherwise `y = (1 - rate) x`.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// A rate outside `[0, 1)`.
///
/// # Source
/// cuda-convnet2's `dropout2`, and `dropout` of a fork of the first cuda-convnet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Probability of a value to be dropped.
    pub rate: f64,
}

impl Dropout {
    /// A value is dropped where a random number of 32 bits is below.
    pub(crate) fn threshold(self) -> u64 {
        (f64::from(self.rate as f32) * 4_294_967_296.0) as u64
    }

    /// The probability of a value to be kept: the mean of the mask.
    pub(crate) const fn keep_probability(self) -> f32 {
        1.0 - self.rate as f32
    }
}

const EXAMPLES: &[Example] = &[("a conv filters=6 size=3\nb dropout rate=0.3", [2, 6, 5])];

impl FromTable for Dropout {
    const TYPES: &'static [&'static str] = &["dropout"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self { rate: section.or("rate", 0.5)? })
    }
}

impl Operation for Dropout {
    fn kind(&self) -> &'static str {
        "dropout"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let rate = self.rate as f32;
        ShapeError::ensure((0.0..1.0).contains(&rate), || "a rate from 0 to below 1".into(), || format!("{rate}"))?;
        Ok(inputs[0])
    }

    fn channel_gain(&self, _: &dyn Fn(Role) -> Option<f32>) -> f32 {
        self.keep_probability()
    }

    fn is_channelwise(&self) -> bool {
        true
    }

    fn describe(&self, _: &[Shape]) -> String {
        format!("dropout of {} %", f64::from(self.rate as f32) * 100.0)
    }

    fn write(&self, table: &mut Table) {
        put(table, "rate", self.rate);
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::Values)
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::DropoutLayer::new(*self, context))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::DropoutLayer::new(*self, context)?))
    }
}
