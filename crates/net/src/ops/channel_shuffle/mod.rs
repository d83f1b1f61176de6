//! Channels of groups mixed.

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

/// The channels in another order: the first of every group, then the second of every group, and so on.
///
/// `y[k G + g] = x[g C/G + k]` with C channels in G groups.
///
/// # Shapes
/// Output as input.
///
/// # Errors
/// Groups that do not divide the channels.
///
/// # Source
/// Zhang, Zhou, Lin and Sun, "`ShuffleNet`", 2018; `PyTorch`'s `ChannelShuffle`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelShuffle {
    /// Groups whose channels are mixed.
    pub groups: usize,
}

impl ChannelShuffle {
    /// The input's channel that a channel of the output is.
    const fn source(self, channel: usize, channels: usize) -> usize {
        channel % self.groups * (channels / self.groups) + channel / self.groups
    }
}

const EXAMPLES: &[Example] = &[
    ("a conv filters=12 size=3 groups=2\nb channel_shuffle groups=2\nc conv filters=6 size=1 groups=3", [2, 6, 5]),
    ("a channel_shuffle groups=3\nb conv filters=4 size=3", [3, 6, 5]),
];

impl FromTable for ChannelShuffle {
    const TYPES: &'static [&'static str] = &["channel_shuffle"];

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self { groups: section.required("groups")? })
    }
}

impl Operation for ChannelShuffle {
    fn kind(&self) -> &'static str {
        "channel_shuffle"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        ShapeError::ensure(
            self.groups > 0 && inputs[0].channels.is_multiple_of(self.groups),
            || format!("groups that divide the input's {} channels", inputs[0].channels),
            || format!("{}", self.groups),
        )?;
        Ok(inputs[0])
    }

    fn source_channel(&self, inputs: &[Shape], channel: usize) -> Option<(usize, usize)> {
        Some((0, self.source(channel, inputs[0].channels)))
    }

    fn describe(&self, _: &[Shape]) -> String {
        format!("channels of {} groups mixed", self.groups)
    }

    fn write(&self, table: &mut Table) {
        put(table, "groups", whole(self.groups));
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds::plain(OutputUse::None)
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::ChannelShuffleLayer { groups: self.groups, input: context.inputs[0] }))
    }
}
