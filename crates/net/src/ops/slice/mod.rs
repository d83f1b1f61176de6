//! A range of channels.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, FromTable, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::{put, whole};
use toml::Table;

/// Some of the input's channels, one after another.
///
/// `y[c,i,j] = x[first + c,i,j]`.
///
/// # Shapes
/// input `C x h x w`, output `channels x h x w`.
///
/// # Errors
/// No channels, or channels past the input's last.
///
/// # Source
/// Ma, Zhang, Zheng and Sun, "`ShuffleNet` V2", 2018, for its channel split; `PyTorch`'s `narrow`, `chunk` and `split`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// The first channel that is taken.
    pub first: usize,
    /// How many are.
    pub channels: usize,
}

const EXAMPLES: &[Example] = &[
    (
        "a conv filters=9 size=3 padding=1\nb slice channels=4\nc slice first=4 channels=5 inputs=[\"a\"]\nd conv filters=5 size=3 padding=1\ne concat inputs=[\"b\",\"d\"]",
        [2, 6, 5],
    ),
    ("a slice first=1 channels=2\nb conv filters=4 size=3", [3, 6, 5]),
];

impl FromTable for Slice {
    const TYPES: &'static [&'static str] = &["slice"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self { first: section.or("first", 0)?, channels: section.required("channels")? })
    }
}

impl Operation for Slice {
    fn kind(&self) -> &'static str {
        "slice"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let Self { first, channels } = *self;
        ShapeError::ensure(channels > 0, || "at least one channel".into(), || "channels 0".into())?;
        let input = inputs[0];
        ShapeError::ensure(
            first.checked_add(channels).is_some_and(|end| end <= input.channels),
            || format!("channels of the input's {}", input.channels),
            || format!("{channels} from channel {first} on"),
        )?;
        Ok(Shape::new(channels, input.height, input.width))
    }

    fn source_channel(&self, _: &[Shape], channel: usize) -> Option<(usize, usize)> {
        Some((0, self.first + channel))
    }

    fn describe(&self, inputs: &[Shape]) -> String {
        format!("channels {} to {} of {}", self.first, self.first + self.channels - 1, inputs[0].channels)
    }

    fn write(&self, table: &mut Table) {
        put(table, "first", whole(self.first));
        put(table, "channels", whole(self.channels));
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::SliceLayer { slice: *self, input: context.inputs[0] }))
    }
}
