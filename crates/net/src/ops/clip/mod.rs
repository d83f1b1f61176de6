//! Values brought into a range.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, InPlaceLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::{put, short};
use std::sync::Arc;
use toml::Table;

/// Values below a range become its lower bound, those above it its upper one.
///
/// `y = min(high, max(low, x))`; derivative 1 where `low < y < high`, else 0.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// No bound, or a lower one that is not below the upper one.
///
/// # Source
/// `PyTorch`'s `ReLU6`, `Hardtanh` and `clamp`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    /// The least output, if there is one.
    pub low: Option<f32>,
    /// The largest output, if there is one.
    pub high: Option<f32>,
}

impl Clip {
    /// Both bounds, infinite where there is none.
    pub(crate) fn bounds(self) -> [f32; 2] {
        [self.low.unwrap_or(f32::NEG_INFINITY), self.high.unwrap_or(f32::INFINITY)]
    }
}

const EXAMPLES: &[Example] = &[
    ("a conv filters=9 size=3\nb clip low=-0.2 high=0.3\nc full outputs=6", [2, 6, 5]),
    ("a conv filters=5 size=3\nb clip high=0.1\nc conv filters=4 size=1\nd clip low=0", [3, 6, 5]),
];

impl FromTable for Clip {
    const TYPES: &'static [&'static str] = &["clip"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        let mut bound = |key| Ok(section.optional::<f64>(key)?.map(|value| value as f32));
        Ok(Self { low: bound("low")?, high: bound("high")? })
    }
}

impl Operation for Clip {
    fn kind(&self) -> &'static str {
        "clip"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let ([low, high], has_bound) = (self.bounds(), self.low.is_some() || self.high.is_some());
        ShapeError::ensure(has_bound, || "a bound, `low` or `high`".into(), || "none".into())?;
        ShapeError::ensure(low < high, || "`low` below `high`".into(), || format!("{low} and {high}"))?;
        Ok(inputs[0])
    }

    fn is_nonlinearity(&self) -> bool {
        true
    }

    fn is_rectifier(&self) -> bool {
        self.low == Some(0.0)
    }

    fn describe(&self, _: &[Shape]) -> String {
        match (self.low, self.high) {
            (Some(low), Some(high)) => format!("clipped to {low} to {high}"),
            (Some(low), None) => format!("clipped to {low} or more"),
            (None, Some(high)) => format!("clipped to {high} or less"),
            (None, None) => "clipped".to_owned(),
        }
    }

    fn write(&self, table: &mut Table) {
        for (key, bound) in [("low", self.low), ("high", self.high)] {
            if let Some(bound) = bound {
                put(table, key, short(bound));
            }
        }
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::Values)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cpu_in_place(&self) -> Option<Arc<dyn InPlaceLayer>> {
        Some(Arc::new(*self))
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::ClipLayer { clip: *self, values: context.output.len() }))
    }
}
