//! How much every pixel attends to every other.

pub(crate) mod cpu;
pub(crate) mod cuda;

use super::cpu::{CpuContext, CpuLayer, MemoryNeeds, OutputUse};
use super::cuda::{CudaContext, CudaLayer};
use super::{Example, Field, FromTable, Grid, Linear, Operation, ShapeError};
use crate::error::Error;
use crate::shape::Shape;
use crate::table::Section;
use crate::table::write::{put, short, whole};
use toml::Table;

/// How much every pixel of the first input (queries) attends to every pixel of the second (keys), for each head; a
/// query's weights of all keys add up to 1. Pixels are numbered row by row; a head has `c / heads` channels.
///
/// `y[h,q,k] = softmax over k of scale * sum over j of a[h c / heads + j,q] b[h c / heads + j,k]`.
///
/// # Shapes
/// inputs `c x h x w` and `c x h' x w'`, output `heads x (h w) x (h' w')`.
///
/// # Errors
/// Not two inputs, other numbers of channels, or channels that are no multiple of the heads.
///
/// # Source
/// Vaswani and others, "Attention is all you need", 2017; `PyTorch`'s `scaled_dot_product_attention`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionWeights {
    /// Number of heads.
    pub heads: usize,
    /// What products are multiplied by; none is one over the root of a head's channels.
    pub scale: Option<f32>,
}

// Keys without biases: the softmax takes these out again, and their gradient would be what rounding leaves.
const EXAMPLES: &[Example] = &[
    (
        "q conv filters=6 size=1\nk conv filters=6 size=1 bias=false inputs=[\"data\"]\nw attention_weights heads=2 inputs=[\"q\",\"k\"]\nf conv filters=4 size=1",
        [3, 3, 2],
    ),
    (
        "q conv filters=20 size=1\nk conv filters=20 size=2 bias=false inputs=[\"data\"]\nw attention_weights heads=1 scale=0.5 inputs=[\"q\",\"k\"]",
        [3, 2, 3],
    ),
];

impl FromTable for AttentionWeights {
    const TYPES: &'static [&'static str] = &["attention_weights"];

    const TAKES_SEVERAL_INPUTS: bool = true;

    const EXAMPLES: &'static [Example] = EXAMPLES;

    fn read(_: &str, section: &mut Section<'_>, _: usize) -> Result<Self, Error> {
        let scale = section.checked("scale", "a number other than 0", |value: &f64| *value != 0.0)?;
        Ok(Self { heads: section.required("heads")?, scale: scale.map(|value| value as f32) })
    }
}

impl AttentionWeights {
    /// What products of heads of these channels are multiplied by.
    fn factor(&self, channels: usize) -> f32 {
        self.scale.unwrap_or_else(|| 1.0 / ((channels / self.heads.max(1)) as f32).sqrt())
    }
}

impl Operation for AttentionWeights {
    fn kind(&self) -> &'static str {
        "attention_weights"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, ShapeError> {
        let &[queries, keys] = inputs else {
            return Err(ShapeError { expected: "two inputs".into(), found: inputs.len().to_string() });
        };
        ShapeError::ensure(
            queries.channels == keys.channels,
            || format!("a second input of {} channels, as the first", queries.channels),
            || format!("{}", keys.channels),
        )?;
        ShapeError::ensure(
            self.heads > 0 && queries.channels.is_multiple_of(self.heads),
            || format!("a number of heads that divides {} channels", queries.channels),
            || format!("{}", self.heads),
        )?;
        Ok(Shape::new(self.heads, queries.height * queries.width, keys.height * keys.width))
    }

    fn receptive_field(&self, _: Field, input: Shape) -> Field {
        Field::whole(input)
    }

    /// Queries x keys.
    fn grid(&self, _: &[(Shape, Option<Grid>)], _: Shape) -> Option<Grid> {
        None
    }

    fn source_channel(&self, _: &[Shape], _: usize) -> Option<(usize, usize)> {
        None
    }

    fn linear(&self) -> Linear {
        Linear::Unknown
    }

    fn describe(&self, inputs: &[Shape]) -> String {
        let heads = if self.heads == 1 { "head" } else { "heads" };
        format!("attention weights of {} {heads} of {} channels", self.heads, inputs[0].channels / self.heads.max(1))
    }

    fn write(&self, table: &mut Table) {
        put(table, "heads", whole(self.heads));
        if let Some(scale) = self.scale {
            put(table, "scale", short(scale));
        }
    }

    fn memory_needs(&self, _: &[Shape], _: Shape) -> MemoryNeeds {
        MemoryNeeds { is_costly: true, ..MemoryNeeds::plain(OutputUse::Values) }
    }

    fn cpu(&self, context: &CpuContext<'_>) -> Box<dyn CpuLayer> {
        Box::new(cpu::AttentionWeightsLayer {
            factor: self.factor(context.inputs[0].activation.shape.channels),
            output: context.output.gradient,
            images: context.images,
        })
    }

    fn cuda(&self, context: &CudaContext<'_>) -> Result<Box<dyn CudaLayer>, Error> {
        let factor = self.factor(context.inputs[0].channels);
        Ok(Box::new(cuda::AttentionWeightsLayer::new(factor, context)?))
    }
}
