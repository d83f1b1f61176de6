//! Sums of pixels, weighted by attention.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, Field, FromTable, Linear, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;

/// For every query the sum of the values' pixels (keys), each times the query's attention weight of it: the first input
/// are attention weights, the second the values. Each head of the weights is for `c / heads` channels of the values.
///
/// `y[h c / heads + j,q] = sum over k of a[h,q,k] b[h c / heads + j,k]`.
///
/// # Shapes
/// inputs `heads x queries x keys` and `c x h x w` with `h w = keys`; output `c x h x w` where there are as many queries as
/// keys, else `c x queries x 1`.
///
/// # Errors
/// Not two inputs, another number of pixels than of keys, or channels that are no multiple of the heads.
///
/// # Source
/// Vaswani and others, "Attention is all you need", 2017; `PyTorch`'s `scaled_dot_product_attention`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention;

const EXAMPLES: &[Example] = &[
    (
        "v conv filters=6 size=1\nw attention_weights heads=2 inputs=[\"v\",\"v\"]\ny attention inputs=[\"w\",\"v\"]\nf conv filters=4 size=2",
        [3, 3, 2],
    ),
    (
        "q conv filters=46 size=2\nk conv filters=46 size=1 inputs=[\"data\"]\nw attention_weights heads=1 inputs=[\"q\",\"k\"]\ny attention inputs=[\"w\",\"k\"]",
        [3, 2, 3],
    ),
];

impl FromTable for Attention {
    const TYPES: &'static [&'static str] = &["attention"];

    const TAKES_SEVERAL_INPUTS: bool = true;

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, _: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Operation for Attention {
    fn kind(&self) -> &'static str {
        "attention"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let &[weights, values] = inputs else {
            return Err(ShapeError { expected: "two inputs".into(), found: inputs.len().to_string() });
        };
        let keys = values.height * values.width;
        ShapeError::ensure(
            weights.width == keys,
            || format!("a second input of {} pixels, as the weights have keys", weights.width),
            || format!("{keys}"),
        )?;
        ShapeError::ensure(
            values.channels.is_multiple_of(weights.channels),
            || format!("a number of heads that divides {} channels", values.channels),
            || format!("{}", weights.channels),
        )?;
        let queries = weights.height;
        Ok(if queries == keys { values } else { Shape::new(values.channels, queries, 1) })
    }

    fn receptive_field(&self, _: Field, input: Shape) -> Field {
        Field::whole(input)
    }

    fn mixes_pixels(&self) -> bool {
        true
    }

    /// Every channel of the values by itself.
    fn source_channel(&self, _: &[Shape], channel: usize) -> Option<(usize, usize)> {
        Some((1, channel))
    }

    fn linear(&self) -> Linear {
        Linear::Unknown
    }

    fn describe(&self, inputs: &[Shape]) -> String {
        let heads = inputs[0].channels;
        format!("sums by the attention weights of {heads} {}", if heads == 1 { "head" } else { "heads" })
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds { is_costly: true, ..MemoryNeeds::plain(OutputUse::None) }
    }

    fn cpu(&self, _: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(*self)
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        Ok(Box::new(cuda::AttentionLayer { weights: context.inputs[0], channels: context.output.channels }))
    }
}
